// What the plain pages share: their style sheet. They need no script.
import "./pages.css";
