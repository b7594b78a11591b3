"""Who may what: tokens, origins, and the sentence for whoever may not.

`guard` decides, for every route; begin with the table at its head. `tokens` says who somebody is, `origin` from where
a page may ask, `exposure` what must be there before others than this machine can reach a server.
"""
