// Before the first paint: the theme that was chosen here. Without a choice the system's is used.
const chosen = localStorage.getItem("rhaid.theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
