//! The pages for people: the dashboard, the page of a stream and the player for other sites. They are built by
//! `src/player/build` and built into this program; nothing of theirs comes from elsewhere.

mod files;
mod guard;
mod plain;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::config::Config;
use crate::service::Service;
use files::{Files, Keep};
use guard::{Guard, Page};

/// What the pages need.
#[derive(Clone)]
pub struct Pages(Arc<Inner>);

struct Inner {
    service: Service,
    files: Files,
    guard: Guard,
}

impl Pages {
    /// The pages that this program was built with.
    pub fn new(service: Service, config: &Config) -> Self {
        Self::with(service, Files::built_in(), Guard::new(config))
    }

    fn with(service: Service, files: Files, guard: Guard) -> Self {
        Self(Arc::new(Inner { service, files, guard }))
    }

    /// The routes of what is the same for everybody and costs nothing to give.
    pub fn files<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/", get(dashboard))
            .route("/assets/{*path}", get(asset))
            .route("/player.js", get(player))
            .route("/favicon.svg", get(picture))
            .with_state(self.clone())
    }

    /// The routes of pages about a stream. Who asks them learns which streams there are.
    pub fn of_streams<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/v/{stream}", get(watch))
            .route("/embed/{playback_id}", get(embed))
            .with_state(self.clone())
    }

    fn page(&self, page: Page, request: &HeaderMap) -> Response {
        let Inner { files, guard, .. } = &*self.0;
        let answer = match files.answer(page.file(), request, Keep::AskAgain) {
            Some(answer) => answer,
            None => plain::not_built(page),
        };
        guard.around(page, request, answer)
    }

    /// A file that is no page; `None` where there is none of that name.
    fn file(&self, path: &str, request: &HeaderMap) -> Option<Response> {
        let keep = if files::is_named_by_content(path) { Keep::ForEver } else { Keep::AskAgain };
        self.0.files.answer(path, request, keep).map(guard::no_sniffing)
    }
}

async fn dashboard(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    pages.page(Page::Dashboard, &headers)
}

/// The page of a stream is that of its playback ID; its name leads there. The playback ID comes first: a stream that is
/// called as another one's playback ID must not take its place.
async fn watch(
    State(pages): State<Pages>,
    Path(stream): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let directory = pages.0.service.directory();
    if directory.by_playback_id(&stream).is_some() {
        return pages.page(Page::Watch, &headers);
    }
    let Some(entry) = directory.by_name(&stream) else { return plain::no_such_stream(Page::Watch) };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let there = format!("/v/{}{query}", entry.playback_id);
    // The name can be another stream's tomorrow.
    (StatusCode::FOUND, [(header::LOCATION, there), (header::CACHE_CONTROL, "no-store".to_owned())])
        .into_response()
}

async fn embed(State(pages): State<Pages>, Path(playback_id): Path<String>, headers: HeaderMap) -> Response {
    match pages.0.service.directory().by_playback_id(&playback_id) {
        Some(_) => pages.page(Page::Embed, &headers),
        None => plain::no_such_stream(Page::Embed),
    }
}

async fn asset(State(pages): State<Pages>, request: Request) -> Response {
    // As it was asked for: names of assets have nothing in them that would be written otherwise in a path.
    let path = request.uri().path().trim_start_matches('/');
    pages.file(path, request.headers()).unwrap_or_else(plain::no_such_file)
}

/// The player as a module, for pages of other origins.
async fn player(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    pages.file("player.js", &headers).map_or_else(plain::no_such_file, guard::for_everybody)
}

async fn picture(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    pages.file("favicon.svg", &headers).unwrap_or_else(plain::no_such_file)
}

#[cfg(test)]
mod tests;
