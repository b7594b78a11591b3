"""The whole grid in one process and in virtual time, disturbed by a schedule that a seed decides.

`world` has the real monitor and the real turbines, `network` and `disk` what goes wrong around them, `media` what
it keeps (every sixth seed has real files), `schedule`
what goes wrong when, `witness` watches the wires at every step, and `verdict` judges when all has calmed down.
"""
