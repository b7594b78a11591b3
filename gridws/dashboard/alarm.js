// Tells of turbines that wait to whoever looks elsewhere: the tab's title and icon carry how many, and a desktop
// notification comes when one has waited for longer than the visitor chose. The choice stays in this browser.
const CHOICES = [
  [0, "notify: off"],
  [60, "notify after 1 min"],
  [300, "notify after 5 min"],
  [900, "notify after 15 min"],
  [3600, "notify after 1 h"],
];
const KEPT = "gridws.notify";

export default {
  template: `
    <select class="notify" :value="after" aria-label="Desktop notification when a turbine waits" :title="why"
            @change="choose">
      <option v-for="[seconds, words] in CHOICES" :key="seconds" :value="seconds">{{ words }}</option>
    </select>`,
  data: () => ({ after: 0, why: "", CHOICES }),
  created() {
    this.title = document.title;
    this.icon = document.querySelector("link[rel~=icon]");
    this.plain = this.icon.href;
    this.told = null;
    this.news = { count: 0, longest: null };
  },
  mounted() {
    const kept = Number(this.kept());
    const allowed = window.Notification?.permission === "granted";
    if (allowed && CHOICES.some(([seconds]) => seconds === kept)) this.after = kept;
    this.clock = setInterval(this.look, 1000);
  },
  unmounted() {
    clearInterval(this.clock);
  },
  methods: {
    // `longest` is who has waited longest: its number, since when it is broken (ms UTC), and for how long (ms).
    show(count, longest) {
      if (count !== this.news.count) this.mark(count);
      this.news = { count, longest: longest && { ...longest, began: performance.now() - longest.waited } };
      this.look();
    },
    mark(count) {
      document.title = count ? `(${count}) ${this.title}` : this.title;
      this.icon.href = count ? `data:image/svg+xml,${encodeURIComponent(badge(count))}` : this.plain;
    },
    async choose(event) {
      const wanted = Number(event.target.value);
      const answer = !wanted || !window.Notification ? "default" : await Notification.requestPermission();
      this.after = answer === "granted" ? wanted : 0;
      this.why = wanted && !this.after ? "This browser does not let the page notify." : "";
      event.target.value = this.after;
      this.keep(this.after);
      this.look();
    },
    look() {
      const { longest, count } = this.news;
      if (!this.after || !longest || performance.now() - longest.began < this.after * 1000) return;
      const which = `${longest.number} ${longest.since}`;
      if (which === this.told) return;
      this.told = which;
      const minutes = Math.floor((performance.now() - longest.began) / 60_000);
      const more = count > 1 ? `; ${count} wait in all` : "";
      new Notification(`Turbine ${longest.number} waits for an engineer`, {
        body: `for ${minutes} min${more}`,
        tag: "gridws-waiting",
      }).onclick = () => window.focus();
    },
    kept() {
      try {
        return localStorage.getItem(KEPT);
      } catch {
        return null; // storage is forbidden here: the choice lasts as long as the page
      }
    },
    keep(seconds) {
      try {
        localStorage.setItem(KEPT, String(seconds));
      } catch {
        // as above
      }
    },
  },
};

function badge(count) {
  const text = count > 99 ? "99+" : String(count);
  const size = [11, 9, 7][text.length - 1];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" ` +
    `fill="#c62828"/><text x="8" y="${8 + size * 0.36}" text-anchor="middle" fill="#fff" ` +
    `font-family="sans-serif" font-weight="700" font-size="${size}">${text}</text></svg>`
  );
}
