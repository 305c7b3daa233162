//! The API's description for people: one page, made of the same document as `/v1/openapi.json`, without a script or
//! anything from elsewhere.

use axum::extract::State;
use axum::response::Html;

use super::App;

pub(super) async fn serve(State(app): State<App>) -> Html<String> {
    Html(app.document().to_string())
}
