// The fleet: cards of text while there are few turbines, one canvas of cells when there are many.
// Python says what to show (show, patch, choose); clicks and keys come back as "pick", the theme and the
// time zone as "look". Every state has a pattern of its own beside its colour.
const WORDS = { o: "ok", w: "waiting", r: "being repaired", h: "held", x: "offline", u: "no report yet" };
const NAMES = { o: "ok", w: "waiting", r: "repair", h: "held", x: "offline", u: "unknown" };
// Where a card has two lines only, or says where its turbine is.
const SHORT = { ...WORDS, r: "in repair", u: "no report" };
const SIGNS = { o: "✓", w: "!", r: "↻", h: "=", x: "○", u: "?" };

// Pixels of the smallest figure that can be read.
const SMALLEST = 8;
const ROUND = [5, 10, 20, 25, 50, 100, 200, 500];

export default {
  template: `
    <div class="fleet-map" :class="{ large: !cards }">
      <div v-if="cards" class="cards" role="group" aria-label="Turbines" @keydown="walk"
           :class="{ compact: cards.length > 12, dense: cards.length > 42, named: cards.some((card) => card[4] || card[5]) }">
        <button v-for="card in cards" :key="card[0]" type="button" class="card" :class="NAMES[card[1]]"
                :aria-pressed="String(card[0] === selected)" @click="pick(card[0])">
          <span class="heading" :title="card.slice(4).filter(Boolean).join(' · ') || null">
            <span class="number">{{ card[0] }}</span> <span v-if="card[4] || card[5]" class="name">{{ card[4] || card[5] }}</span>
          </span>
          <span class="state">
            <span><span aria-hidden="true">{{ SIGNS[card[1]] }}</span> {{ words[card[1]] }}</span>
            <span v-if="card[4] && card[5]" class="site">{{ card[5] }}</span>
          </span>
          <span class="reading wind">{{ card[2] }}</span> <span class="reading power">{{ card[3] }}</span>
        </button>
      </div>
      <canvas v-show="!cards && numbers.length" ref="canvas" tabindex="0" role="application"
              aria-label="Fleet map: arrow keys move, Enter selects" @keydown="walk" @click="point($event, true)"
              @mousemove="point($event, false)" @focus="draw" @blur="draw"></canvas>
      <i v-if="!cards" ref="marker" class="marker"></i>
      <div class="visually-hidden" aria-live="polite">{{ said }}</div>
    </div>`,
  data: () => ({ cards: null, selected: null, said: "", numbers: [], NAMES, SIGNS }),
  computed: {
    words() {
      return this.cards.length > 42 || this.cards.some((card) => card[4] && card[5]) ? SHORT : WORDS;
    },
  },
  created() {
    this.states = [];
    this.names = {};
    this.cursor = 0;
    this.colors = {};
    this.grid = { columns: 1, width: 1, height: 1, edge: 0 };
    this.narrow = window.matchMedia("(max-width: 760px)");
  },
  mounted() {
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.$refs.canvas);
    this.themes = new MutationObserver(() => this.look());
    this.themes.observe(document.body, { attributeFilter: ["class"] });
    this.narrow.addEventListener("change", this.tell);
    this.look();
  },
  unmounted() {
    this.narrow.removeEventListener("change", this.tell);
    this.sizes.disconnect();
    this.themes.disconnect();
  },
  methods: {
    look() {
      // Quasar sets the same classes anew with every update of the page.
      const dark = document.body.classList.contains("body--dark");
      if (dark === this.dark) return;
      this.dark = dark;
      this.colors = {};
      this.tell();
      this.draw();
    },
    tell() {
      const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      this.$emit("look", { dark: this.dark, zone, narrow: this.narrow.matches });
    },
    show(numbers, states, names, selected, wanted) {
      this.cards = null;
      this.names = names;
      this.numbers = Object.freeze(numbers);
      this.states = [...states];
      this.selected = selected;
      this.cursor = Math.max(0, numbers.indexOf(selected));
      this.$nextTick(() => {
        this.draw();
        if (wanted && !this.narrow.matches) this.reveal();
      });
    },
    // `wanted` is whether the visitor asked for the selected turbine: then it is brought into sight.
    showCards(cards, selected, wanted) {
      const place = this.numbers.indexOf(this.selected);
      this.cards = Object.freeze(cards);
      this.numbers = Object.freeze(cards.map((card) => card[0]));
      const moved = selected !== this.selected || place !== this.numbers.indexOf(selected);
      this.selected = selected;
      if (moved && wanted && !this.narrow.matches) this.$nextTick(this.reveal);
    },
    patch(changes) {
      const pen = this.pen();
      for (const [index, state] of changes) {
        this.states[index] = state;
        if (pen) this.cell(pen, index);
      }
    },
    choose(number, wanted) {
      if (number === this.selected) return;
      this.selected = number;
      if (number !== null) this.cursor = Math.max(0, this.numbers.indexOf(number));
      this.draw();
      if (wanted && !this.narrow.matches) this.$nextTick(this.reveal);
    },
    pick(number) {
      this.choose(number);
      this.$emit("pick", number);
      this.$nextTick(this.reveal);
    },
    reveal() {
      const index = this.numbers.indexOf(this.selected);
      if (index < 0) return;
      const mark = this.cards ? this.$el.querySelectorAll(".card")[index] : this.$refs.marker;
      if (!this.cards) {
        const { x, y } = this.place(index);
        Object.assign(mark.style, { left: `${x}px`, top: `${y}px`, height: `${this.grid.height}px` });
      }
      mark?.scrollIntoView({ block: "nearest" });
    },
    place(index) {
      const { columns, width, height, edge } = this.grid;
      return { x: edge + (index % columns) * width, y: Math.floor(index / columns) * height };
    },
    walk(event) {
      const buttons = this.cards ? [...this.$el.querySelectorAll("button")] : null;
      const across = buttons ? buttons.filter((b) => b.offsetTop === buttons[0].offsetTop).length : this.grid.columns;
      const last = this.numbers.length - 1;
      const at = buttons ? buttons.indexOf(document.activeElement) : this.cursor;
      const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -at, End: last - at };
      if (event.key in steps) {
        const to = at + steps[event.key];
        if (to >= 0 && to <= last) buttons ? buttons[to].focus() : this.move(to);
        event.preventDefault();
      } else if (!buttons && (event.key === "Enter" || event.key === " ")) {
        this.pick(this.numbers[this.cursor]);
        this.said = `Turbine ${this.numbers[this.cursor]} selected`;
        event.preventDefault();
      }
    },
    move(to) {
      this.cursor = to;
      this.said = this.name(to);
      this.draw();
    },
    name(index) {
      const number = this.numbers[index];
      return [`Turbine ${number}`, this.names[number], WORDS[this.states[index]]].filter(Boolean).join(", ");
    },
    point(event, clicked) {
      const { columns, width, height, edge } = this.grid;
      const column = Math.floor((event.offsetX - edge) / width);
      const index = Math.floor(event.offsetY / height) * columns + column;
      const known = column >= 0 && column < columns && index < this.numbers.length;
      this.$refs.canvas.title = known ? this.name(index) : "";
      if (clicked && known) this.pick(this.numbers[index]);
    },
    fit(width, height) {
      this.longest = String(this.numbers.reduce((most, number) => Math.max(most, number), 0)).length;
      let size = 64;
      while (size > 2 && Math.floor(width / size) * Math.floor(height / size) < this.numbers.length) size -= 0.5;
      // As near to squares as their numbers allow.
      let columns = Math.max(1, Math.min(this.numbers.length, Math.floor(width / size)));
      while (columns > 1 && !this.fitColumns(columns, width, height)) columns--;
      if (!this.fitColumns(columns, width, height)) this.fitWithEdge(width, height);
    },
    // Returns whether the cells can hold their numbers.
    fitColumns(columns, width, height) {
      const rows = Math.ceil(this.numbers.length / columns);
      this.grid = { columns, width: width / columns, height: Math.min(height / rows, (width / columns) * 1.25), edge: 0 };
      return this.size(this.grid.width, this.grid.height) >= SMALLEST;
    },
    // No cell holds its number: rows of a round count, each with the number of its first turbine at the edge.
    fitWithEdge(width, height) {
      const edge = this.longest * 7 + 12;
      const sides = ROUND.map((columns) => {
        const across = (width - edge) / columns;
        return { columns, width: across, height: Math.min(height / Math.ceil(this.numbers.length / columns), across * 1.25), edge };
      });
      const smaller = (grid) => Math.min(grid.width, grid.height);
      this.grid = sides.reduce((best, grid) => (smaller(grid) > smaller(best) ? grid : best));
    },
    size(width, height) {
      const gap = Math.min(4, Math.max(1, width * 0.12));
      // A bold digit is 0.7 of its height wide.
      return Math.min(15, (height - gap) * 0.55, (width - gap - 1) / (this.longest * 0.7));
    },
    pen() {
      const canvas = this.$refs.canvas;
      if (this.cards || !canvas || !canvas.clientWidth || !this.numbers.length) return null;
      const pen = canvas.getContext("2d");
      const style = getComputedStyle(canvas);
      pen.color = (name) => (this.colors[name] ??= style.getPropertyValue(`--${name}`));
      return pen;
    },
    draw() {
      const pen = this.pen();
      if (!pen) return;
      const { canvas } = pen;
      const scale = window.devicePixelRatio || 1;
      canvas.width = canvas.clientWidth * scale;
      canvas.height = canvas.clientHeight * scale;
      pen.scale(scale, scale);
      this.fit(canvas.clientWidth, canvas.clientHeight);
      for (let index = 0; index < this.numbers.length; index++) this.cell(pen, index);
      if (this.grid.edge) this.edge(pen);
    },
    edge(pen) {
      const { columns, height, edge } = this.grid;
      const every = [1, 2, 4, 5, 10, 20].find((rows) => rows * height >= 13) ?? 40;
      pen.font = "11px system-ui, sans-serif";
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillStyle = pen.color("muted");
      for (let index = 0, row = 0; index < this.numbers.length; index += columns * every, row += every)
        pen.fillText(String(this.numbers[index]), edge - 6, row * height + Math.max(height / 2, 6));
    },
    cell(pen, index) {
      const { width, height } = this.grid;
      const state = this.states[index];
      const gap = Math.min(4, Math.max(1, width * 0.12));
      const { x, y } = this.place(index);
      const [left, top, w, h] = [x + gap / 2, y + gap / 2, width - gap, height - gap];
      pen.clearRect(x, y, width, height);
      pen.save();
      pen.beginPath();
      pen.roundRect(left, top, w, h, Math.min(5, w * 0.15));
      pen.clip();
      if (state === "x" || state === "u") {
        pen.strokeStyle = pen.color("offline");
        pen.lineWidth = Math.min(4, Math.max(2, w * 0.1));
        if (state === "u") pen.setLineDash([3, 3]);
        pen.stroke();
      } else {
        pen.fillStyle = pen.color(`cell-${NAMES[state]}`);
        pen.fill();
        if (state === "r") this.hatch(pen, left, top, w, h);
      }
      pen.restore();
      this.label(pen, index, state, left, top, w, h);
      this.ring(pen, index, x, y, width, height);
    },
    hatch(pen, left, top, w, h) {
      pen.strokeStyle = pen.color("hatch");
      pen.lineWidth = Math.max(1, w * 0.08);
      const step = Math.max(3, w / 3.5);
      pen.beginPath();
      for (let at = -h; at < w; at += step) {
        pen.moveTo(left + at, top + h);
        pen.lineTo(left + at + h, top);
      }
      pen.stroke();
    },
    label(pen, index, state, left, top, w, h) {
      const text = String(this.numbers[index]);
      const size = this.size(this.grid.width, this.grid.height);
      if (this.grid.edge || size < SMALLEST) return;
      if (state === "r") {
        pen.fillStyle = pen.color("cell-repair");
        pen.fillRect(left, top + h * 0.08, w, h * 0.84);
      }
      pen.font = `${state === "o" ? 500 : 700} ${size}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillStyle = pen.color(`on-${NAMES[state]}`);
      const signed = state !== "o" && h > 30;
      pen.fillText(text, left + w / 2, top + h / 2 + (signed ? h * 0.16 : 1));
      if (!signed) return;
      pen.font = `700 ${size * 0.85}px system-ui, sans-serif`;
      pen.fillText(SIGNS[state], left + w / 2, top + h * 0.26);
    },
    ring(pen, index, x, y, width, height) {
      const chosen = this.numbers[index] === this.selected;
      const focused = index === this.cursor && document.activeElement === this.$refs.canvas;
      if (!chosen && !focused) return;
      pen.strokeStyle = pen.color(focused ? "focus" : "text");
      pen.lineWidth = Math.min(3, Math.max(1.5, width * 0.1));
      if (focused && !chosen) pen.setLineDash([4, 2]);
      pen.strokeRect(x + 1, y + 1, width - 2, height - 2);
      pen.setLineDash([]);
    },
  },
};
