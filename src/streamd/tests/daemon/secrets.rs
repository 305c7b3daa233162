//! No secret gets into the log, at no level and in no format.

use serde_json::json;
use tempfile::TempDir;

use super::program::{ADMINISTRATOR, Program, client, json};

/// Does about everything that has to do with secrets, and gives them.
async fn round(program: &Program) -> Vec<String> {
    let mut secrets = vec![ADMINISTRATOR.to_owned()];
    let mut keep = |secret: &serde_json::Value| {
        let secret = secret.as_str().expect("it is shown").to_owned();
        secrets.push(secret.clone());
        secret
    };
    let webhook = json!({ "url": "http://127.0.0.1:9/hook-path?token=token-of-receiver" });
    let webhook = json(program.post("/v1/webhooks", &webhook)).await;
    keep(&webhook["secret"]);
    let stream = json!({ "name": "secretly", "srtPassphrase": "passphrase-of-srt" });
    let stream = json(program.post("/v1/streams", &stream)).await;
    keep(&stream["srtPassphrase"]);
    let first = keep(&stream["streamKey"]);
    let id = stream["id"].as_str().expect("it has one");
    let rotated = json(program.post(&format!("/v1/streams/{id}/rotate-key"), &json!({}))).await;
    let second = keep(&rotated["streamKey"]);
    let key = json!({ "name": "other", "scopes": ["streams:read"] });
    let key = keep(&json(program.post("/v1/keys", &key)).await["key"]);
    secrets.extend(
        ["token-of-receiver", "token-of-viewer", "ak_wrongwrongwrong", "hook-path"].map(str::to_owned),
    );

    let get =
        |path: &str, bearer: &str| client().get(format!("{}{path}", program.url)).bearer_auth(bearer).send();
    for (path, bearer) in [
        ("/v1/ingest", second.as_str()),
        ("/v1/ingest", first.as_str()),
        ("/v1/streams", key.as_str()),
        ("/v1/streams?token=token-of-viewer", "ak_wrongwrongwrong"),
        ("/nothing/here?token=token-of-viewer", ADMINISTRATOR),
    ] {
        get(path, bearer).await.expect("it answers");
    }
    // The key where a name belongs, and where a field belongs.
    get(&format!("/v1/streams/{first}"), ADMINISTRATOR).await.expect("it answers");
    let wrong = program.post("/v1/streams", &json!({ "name": second, "layers": key })).send().await;
    assert_eq!(wrong.expect("it answers").status().as_u16() / 100, 4);
    secrets
}

#[tokio::test]
async fn no_secret_gets_into_the_log() {
    for format in ["text", "json"] {
        let folder = TempDir::new().expect("there is room");
        let options = ["--log-level", "trace", "--log-format", format];
        let mut program = Program::start_with(folder.path(), &options, "webhooks.allow_private = true");
        let secrets = round(&program).await;
        // The log says what happened, with ids: it is not merely silent.
        program.line("not delivered: no connection");
        assert!(program.line("stream.created").contains("str_"));
        assert!(program.line("/v1/streams/{id}/rotate-key").contains("str_"));
        program.signal("TERM");
        program.wait();
        let log = program.log();
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
        }
        if format == "json" {
            let all_are_json =
                log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
            assert!(all_are_json, "{log}");
        }
    }
}
