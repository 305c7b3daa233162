//! The steps from an empty database to this version's, in order. A step that was released is never changed: a later
//! one mends it.

use std::borrow::Cow;

use futures_core::future::BoxFuture;
use sqlx::SqlitePool;
use sqlx::error::BoxDynError;
use sqlx::migrate::{Migration, MigrationSource, MigrationType, Migrator};

/// Number (part of what is checked against the database), name, SQL.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "streams and keys", include_str!("migrations/0001_streams_and_keys.sql")),
    (2, "webhooks", include_str!("migrations/0002_webhooks.sql")),
    (3, "dashboard sessions", include_str!("migrations/0003_dashboard_sessions.sql")),
    (4, "SRT passphrases", include_str!("migrations/0004_srt_passphrases.sql")),
    (5, "pulled streams", include_str!("migrations/0005_pull.sql")),
];

#[derive(Debug)]
struct Embedded;

impl MigrationSource<'static> for Embedded {
    fn resolve(self) -> BoxFuture<'static, Result<Vec<Migration>, BoxDynError>> {
        let step = |&(number, name, sql)| {
            Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, Cow::Borrowed(sql), false)
        };
        Box::pin(async move { Ok(STEPS.iter().map(step).collect()) })
    }
}

/// Does the steps that the database has not seen.
pub(super) async fn run(pool: &SqlitePool) -> super::Result<()> {
    Ok(Migrator::new(Embedded).await?.run(pool).await?)
}
