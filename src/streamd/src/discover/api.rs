//! `/v1/discover`
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{App, Body, Problem};
use crate::service::Caller;

/// How to look for cameras. It may hold a password, and cannot be shown.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewDiscovery {
    /// How many milliseconds answers are waited for: 3000 where nothing is said.
    #[serde(default)]
    #[schema(minimum = 500, maximum = 10000)]
    pub timeout_ms: Option<i64>,
    /// A user of the cameras.
    #[serde(default)]
    #[schema(max_length = 256, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub username: Option<String>,
    /// The user's password: only with a user name. The search sends cameras digests of it alone.
    #[serde(default)]
    #[schema(max_length = 256, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    pub password: Option<String>,
    /// The only IPv4 addresses whose cameras are told of, and asked with the password: all where nothing is said.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub addresses: Option<Vec<String>>,
}

/// The cameras that answered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Discovered {
    /// They, by their addresses: 64 at most.
    pub devices: Vec<DiscoveredDevice>,
    /// Whether more answered.
    pub is_more: bool,
}

/// A camera that answered. Its texts are what it says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredDevice {
    /// What it calls itself among all devices.
    pub id: String,
    /// Its IPv4 address.
    pub address: String,
    /// What people call it; null where it does not tell.
    pub name: Option<String>,
    /// Who made it; null where it does not tell.
    pub manufacturer: Option<String>,
    /// What they made; null where it does not tell.
    pub model: Option<String>,
    /// Its streams.
    pub sources: Vec<DiscoveredSource>,
    /// Whether it refused to answer without a user: its streams will want the credentials, and others need not be given any.
    pub needs_credentials: bool,
    /// Why it was not asked, or not to the end; null where it was.
    pub problem: Option<DiscoveryProblem>,
}

/// A stream of a camera.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredSource {
    /// What the camera calls it.
    pub name: String,
    /// A name for a stream that is made of it. Another stream may have it.
    #[schema(pattern = "^[a-z0-9-]{1,63}$")]
    pub stream_name: String,
    /// Its address, without credentials: the `source` of a pulled stream.
    pub source: String,
    /// Its pictures; null where the camera does not tell.
    pub video: Option<DiscoveredVideo>,
}

/// What a camera tells of the pictures of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveredVideo {
    /// `h264`, `h265`, `jpeg`, or something else.
    pub codec: Option<String>,
    /// Pixels in a line.
    #[schema(minimum = 1)]
    pub width: Option<u32>,
    /// Lines.
    #[schema(minimum = 1)]
    pub height: Option<u32>,
    /// Pictures a second.
    pub frames_per_second: Option<f64>,
}

/// Why a camera was not asked, or not to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DiscoveryProblem {
    /// In a word: `unauthorized`, `private_address`, `unreachable`, `refused`, `not_found`, `malformed`, `too_large` or
    /// `elsewhere`.
    pub reason: String,
    /// For people.
    pub detail: String,
}

impl Discovered {
    pub(super) fn of(found: fql_discover::Found) -> Self {
        let names = fql_discover::stream_names(&found.devices);
        let devices =
            found.devices.into_iter().zip(names).map(|(device, names)| DiscoveredDevice::of(device, names));
        Self { devices: devices.collect(), is_more: found.is_more }
    }
}

impl DiscoveredDevice {
    fn of(device: fql_discover::Device, stream_names: Vec<String>) -> Self {
        let fql_discover::Device {
            id,
            address,
            name,
            manufacturer,
            model,
            sources,
            needs_credentials,
            problem,
        } = device;
        let video = |video: fql_discover::Video| {
            let fql_discover::Video { codec, width, height, frames_per_second } = video;
            DiscoveredVideo { codec, width, height, frames_per_second }
        };
        let source = |(source, stream_name): (fql_discover::Source, String)| {
            let fql_discover::Source { place: _, name, address, video: told } = source;
            DiscoveredSource { name, stream_name, source: address, video: told.map(video) }
        };
        let problem = problem.map(|problem| DiscoveryProblem {
            reason: problem.reason.name().to_owned(),
            detail: problem.detail,
        });
        Self {
            id,
            address: address.to_string(),
            name,
            manufacturer,
            model,
            sources: sources.into_iter().zip(stream_names).map(source).collect(),
            needs_credentials,
            problem,
        }
    }
}

/// The routes, with their description.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(discover))
}

/// Look for cameras on the local network
///
/// Those with ONVIF answer. It takes `timeoutMs` and up to 12 seconds more in which they are asked for their streams, and is
/// done for one at a time. Only where `discover.enabled` is set.
#[utoipa::path(post, path = "/v1/discover", tag = "Streams", operation_id = "discoverCameras", request_body = NewDiscovery,
    responses((status = 200, description = "Those that answered", body = Discovered)), security(("apiKey" = [])))]
async fn discover(
    State(app): State<App>,
    caller: Caller,
    Body(asked): Body<NewDiscovery>,
) -> Result<Json<Discovered>, Problem> {
    Ok(Json(app.discovery().run(&caller, asked).await?))
}
