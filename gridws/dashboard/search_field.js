// What a visitor looks for, where, and in what order it is shown: "find" has all three. `/` goes to the field from anywhere;
// Enter selects the first turbine that was found, Escape clears the field.
export default {
  template: `
    <form class="search" role="search" @submit.prevent="enter">
      <input ref="field" type="search" :value="text" placeholder="find a turbine  /" maxlength="80"
             title="a number (7, 20-39), or words: waiting, broken, offline, a name, a site"
             aria-label="Find turbines by number or word" @input="type" @keydown.escape="clear">
      <select :value="order" aria-label="Order of the turbines" @change="sort">
        <option v-for="[key, words] in orders" :key="key" :value="key">{{ words }}</option>
      </select>
      <select v-if="places.length" :value="site" aria-label="Site of the turbines" @change="go">
        <option value="">all sites</option>
        <option v-for="place in places" :key="place" :value="place">{{ place }}</option>
      </select>
    </form>`,
  emits: ["find", "enter"],
  props: { begin: Object, orders: Array },
  data() {
    return { text: this.begin.text, order: this.begin.order, site: this.begin.site, sites: [] };
  },
  computed: {
    // Also the one that a link names and that no turbine is at.
    places() {
      return this.site && !this.sites.includes(this.site) ? [this.site, ...this.sites] : this.sites;
    },
  },
  mounted() {
    document.addEventListener("keydown", this.focus);
  },
  unmounted() {
    document.removeEventListener("keydown", this.focus);
    clearTimeout(this.later);
  },
  methods: {
    focus(event) {
      const typing = event.target.closest?.("input, select, textarea");
      if (event.key !== "/" || typing || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.$refs.field.focus();
      this.$refs.field.select();
    },
    type(event) {
      this.text = event.target.value;
      clearTimeout(this.later);
      this.later = setTimeout(this.tell, 150);
    },
    clear(event) {
      if (!this.text) return event.target.blur();
      event.preventDefault();
      this.set("");
      this.tell();
    },
    sort(event) {
      this.order = event.target.value;
      this.tell();
    },
    go(event) {
      this.site = event.target.value;
      this.tell();
    },
    offer(sites) {
      this.sites = sites;
    },
    tell() {
      clearTimeout(this.later);
      this.$emit("find", { text: this.text, order: this.order, site: this.site });
    },
    enter() {
      this.tell();
      this.$emit("enter");
    },
    set(text) {
      this.text = text;
    },
  },
};
