//! What happens to streams goes to the service, which stores it and tells webhooks.

use tokio::sync::mpsc::Receiver;

use super::{Event, Happened};
use crate::service::Service;

/// Tells the service of every event, in order, until no more can come.
pub async fn tell(service: Service, mut events: Receiver<Event>) {
    while let Some(Event { stream, happened }) = events.recv().await {
        let told = match &happened {
            Happened::Live => service.went_live(&stream).await,
            Happened::Offline => service.went_offline(&stream).await,
            Happened::ViewerJoined(viewer) => service.viewer_joined(&stream, viewer).await,
            Happened::ViewerLeft(viewer) => service.viewer_left(&stream, viewer).await,
        };
        if let Err(error) = told {
            tracing::error!(%error, stream, ?happened, "what happened to the stream could not be stored");
        }
    }
}
