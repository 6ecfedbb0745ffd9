//! `fleet`: one replica of a program that runs in several. Start it as often as you like, on one PostgreSQL:
//!
//! ```console
//! $ DATABASE_URL=postgres://app@localhost/app cargo run --bin fleet
//! ```
//!
//! Every replica tells that it is there (`presence`) and shows itself (`ops`). One of them counts those that are there (`census`), one of
//! them writes the nightly report (`report`), and not necessarily the same one. `fleet.sh` starts three, and lets things befall them.

mod census;
mod database;
mod presence;
mod report;
mod settings;

use lifecycle::{Outcome, Result, registry};
use lifecycle_ops::Ops;
use lifecycle_postgres::Postgres;

use census::Census;
use database::Database;
use presence::Presence;
use report::Report;
use settings::Settings;

#[tokio::main]
async fn main() -> Result<Outcome> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let settings = Settings::from_environment();
    let database = Database::at(&settings.database)?;
    Ok(registry! {
        // Its own connection, whatever the pool of the application is up to. It is the memory of `report` as well.
        leases = Postgres::connect(&settings.database).namespace("fleet"),
        lease_term = settings.term,

        "ops" => Ops::listen(settings.ops.clone()), before = all,
        "database" => database.clone(),
        "presence" => Presence::new(&settings, &database), after = ["database"],
        "census" => Census::new(&settings, &database), after = ["database"], replicas = one,
        "report" => Report::new(&settings, &database), after = ["database"], replicas = one,
    }
    .run()
    .await)
}
