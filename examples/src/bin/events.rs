//! `events`: events from many places, written to a database in batches: a hundred at once, or what there is after a
//! second. Whoever sends waits while the queue is full, and what was accepted is in the file after Ctrl-C.
//!
//! Try: `cargo run --bin events events.sqlite`, Ctrl-C, and compare the two numbers it ends with.
#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use lifecycle::{Context, Intake, Outcome, Queue, Result, Worker, registry, service};
use rusqlite::Connection;
use tokio::{sync::Mutex, task::spawn_blocking, time::sleep};

#[derive(Clone)]
struct Event {
    name: &'static str,
    user: i64,
}

#[service(queue(size = 100, interval = "1s"))]
struct Events {
    intake: Intake<Event>,
    database: Arc<Mutex<Connection>>,
}

impl Queue for Events {
    type Item = Event;

    fn intake(&self) -> &Intake<Event> {
        &self.intake
    }

    /// A batch is one transaction: all of it, or nothing and another attempt.
    async fn flush(&self, batch: &[Event], _: &Context) -> Result {
        let (events, database) = (batch.to_vec(), self.database.clone());
        spawn_blocking(move || {
            let mut database = database.blocking_lock();
            let batch = database.transaction()?;
            for Event { name, user } in &events {
                batch.execute(
                    "INSERT INTO event (name, user) VALUES (?1, ?2)",
                    (name, user),
                )?;
            }
            batch.commit()
        })
        .await??;
        println!("{} events in a batch", batch.len());
        Ok(())
    }
}

/// Stands in for the requests that events come from.
#[service(worker)]
struct Visitors {
    events: Intake<Event>,
    sent: Arc<AtomicI64>,
}

impl Worker for Visitors {
    async fn run(&self, cx: &Context) -> Result {
        let stop = cx.stop_channel();
        while !stop.is_closed() {
            let user = self.sent.load(Relaxed);
            let event = Event {
                name: "visit",
                user,
            };
            // While the queue is full a stop is heard too.
            let Some(sent) = stop.run_until_closed(self.events.send(event)).await else {
                break;
            };
            sent?;
            self.sent.fetch_add(1, Relaxed);
            sleep(Duration::from_millis(3)).await;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<Outcome> {
    let file = env::args().nth(1).unwrap_or_else(|| ":memory:".to_owned());
    let database = Connection::open(file)?;
    database.execute_batch("CREATE TABLE IF NOT EXISTS event (name TEXT, user INTEGER)")?;
    let database = Arc::new(Mutex::new(database));
    let intake = Intake::bounded(1000);
    let sent = Arc::new(AtomicI64::new(0));

    let outcome = registry! {
        "events" => Events { intake: intake.clone(), database: database.clone() },
        "visitors" => Visitors { events: intake, sent: sent.clone() }, after = ["events"],
    }
    .run()
    .await;

    let count = "SELECT count(*) FROM event";
    let written: i64 = database
        .lock()
        .await
        .query_row(count, (), |row| row.get(0))?;
    println!("{} sent, {written} in the file", sent.load(Relaxed));
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    /// With a batch and a half to write.
    async fn events() -> Events {
        let database = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE event (name TEXT, user INTEGER)";
        database.execute_batch(table).unwrap();
        let intake = Intake::bounded(1000);
        for user in 0..150 {
            intake
                .send(Event {
                    name: "visit",
                    user,
                })
                .await
                .unwrap();
        }
        Events {
            intake,
            database: Arc::new(Mutex::new(database)),
        }
    }

    mod events {
        use super::*;

        conformance!(events().await);
    }

    mod visitors {
        use super::*;

        conformance!(Visitors {
            events: Intake::bounded(10),
            sent: Arc::default()
        });
    }
}
