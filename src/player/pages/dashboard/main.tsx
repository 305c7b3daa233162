import { render } from "preact";
import "../shared/style.css";
import "./style/layout.css";
import "./style/forms.css";
import "./style/parts.css";
import "./style/stream.css";
import { App } from "./app";

const place = document.getElementById("dashboard");
if (place) render(<App />, place);
