//! `fleet-drive`: starts three replicas of the program `fleet`, stops, kills and freezes them in turn, and tells who ran what, with a
//! verdict. On the PostgreSQL at `DATABASE_URL`, whose schema `fleet` it drops, or on one of its own. `ROUNDS=5` makes it longer.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

mod course;
mod fleet;
mod records;
mod verdict;

use std::env;
use std::process::ExitCode;

use lifecycle::Result;
use replica_tests::server::Server;
use tokio_postgres::{Client, NoTls};

use crate::fleet::Fleet;
use crate::verdict::Verdict;

const DROP: &str = "drop schema if exists fleet cascade";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let rounds = env::var("ROUNDS").map_or(Ok(1), |rounds| rounds.parse())?;
    let given = env::var("DATABASE_URL").ok();
    let own = given.is_none().then(Server::start);
    let database = given.or_else(|| own.as_ref().map(Server::url));
    let database = database.unwrap_or_default();
    let client = connect(&database).await?;
    client.batch_execute(DROP).await?;
    let logs = tokio::task::spawn_blocking({
        let database = database.clone();
        move || drive(database, rounds)
    });
    let logs = logs.await??;
    let step = i64::try_from(course::NIGHT.as_secs())?;
    let verdict = Verdict::of(&records::read(&client, &logs, step).await?);
    println!("\n{verdict}");
    drop(own);
    Ok(ExitCode::from(u8::from(!verdict.is_good())))
}

/// Everything that the replicas have logged.
fn drive(database: String, rounds: u32) -> Result<Vec<String>> {
    let mut fleet = Fleet::new(database)?;
    course::run(&mut fleet, rounds)?;
    Ok(fleet.end_all())
}

async fn connect(database: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
