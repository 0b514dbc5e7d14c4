// The theme chosen in this browser, else the system's.
document.documentElement.classList.toggle("dark-mode", {% if theme %}{% if theme == "dark" %}true{% else %}false{% endif %}{% else %}matchMedia("(prefers-color-scheme: dark)").matches{% endif %});
{% include "drf_spectacular/swagger_ui.js" %}
