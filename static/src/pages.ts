// What the plain pages share: their style sheets, in this order. They need no script.
import "./pages.css";
import "./forms.css";
import "./tables.css";
import "./foot.css";
