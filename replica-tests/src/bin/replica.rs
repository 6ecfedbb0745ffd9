//! One replica. It runs a job while it has the lease: `replica URL NAME TERM_MS fenced|unfenced`.
//!
//! It writes to the table `writes` all the time, and once for each second to `runs`; what it prints tells what it does. It goes by the
//! rules by hand, on the store itself: where a rule is broken, the test is to see what the store makes of it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lifecycle::{Grant, Leases, Memory, Point};
use lifecycle_postgres::{Postgres, fence_grant, once_point};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_postgres::{Client, NoTls};

const JOB: &str = "test/job";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Replica {
    url: String,
    name: String,
    term: Duration,
    fenced: bool,
    store: Postgres,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let term = Duration::from_millis(arguments[3].parse().unwrap());
    let replica = Replica {
        url: arguments[1].clone(),
        name: arguments[2].clone(),
        term,
        fenced: arguments[4] == "fenced",
        store: Postgres::connect(&arguments[1]).timeout(term),
    };
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    println!("up");
    tokio::select! {
        () = replica.run() => {}
        _ = terminate.recv() => {}
    }
    // Nothing of the job is under way any more: its future was dropped with `run`.
    replica.give_back().await;
}

/// What a replica has while it leads: read by the end of the program.
static HELD: std::sync::Mutex<Option<Grant>> = std::sync::Mutex::new(None);

impl Replica {
    async fn run(&self) {
        loop {
            let sent = Instant::now();
            match self.store.take(JOB, &self.name, self.term).await {
                Ok(Some(grant)) => {
                    println!("leads {}", grant.token);
                    *HELD.lock().unwrap() = Some(grant.clone());
                    let why = self.lead(&grant, sent).await;
                    HELD.lock().unwrap().take();
                    println!("lost {}: {why}", grant.token);
                }
                Ok(None) => {
                    let third = self.term.mul_f64(0.25 + fastrand::f64() / 10.0);
                    let _ = timeout(third, self.store.freed(JOB)).await;
                }
                Err(error) => {
                    println!("can't take: {error}: {:?}", error.source());
                    sleep(self.term / 10).await;
                }
            }
        }
    }

    async fn give_back(&self) {
        let held = HELD.lock().unwrap().take();
        if let Some(grant) = held {
            match self.store.give_back(&grant).await {
                Ok(given) => println!("gave back {}: {given}", grant.token),
                Err(error) => println!("can't give back: {error}"),
            }
        }
    }

    /// Until the lease is lost.
    async fn lead(&self, grant: &Grant, sent: Instant) -> String {
        let deadline = std::sync::Mutex::new(sent + self.term.mul_f64(0.9));
        tokio::select! {
            why = self.renew(grant, &deadline) => why,
            () = self.work(grant, &deadline) => "the job ended".into(),
        }
    }

    async fn renew(&self, grant: &Grant, deadline: &std::sync::Mutex<Instant>) -> String {
        let mut pause = self.term / 3;
        loop {
            let until = *deadline.lock().unwrap();
            tokio::select! {
                () = sleep(pause) => {}
                () = sleep_until(until.into()) => return "the own deadline has passed".into(),
            }
            let sent = Instant::now();
            let renewed = tokio::select! {
                renewed = self.store.renew(grant, self.term) => renewed,
                () = sleep_until(until.into()) => return "the own deadline has passed".into(),
            };
            match renewed {
                Ok(true) => {
                    *deadline.lock().unwrap() = sent + self.term.mul_f64(0.9);
                    pause = self.term / 3;
                }
                Ok(false) => return "the renewal was refused".into(),
                Err(error) => {
                    println!("can't renew: {error}");
                    pause = self.term / 20;
                }
            }
        }
    }

    async fn work(&self, grant: &Grant, deadline: &std::sync::Mutex<Instant>) {
        let mut database = None;
        loop {
            let client = match database.take() {
                Some(client) => client,
                None => match self.database().await {
                    Ok(client) => client,
                    Err(error) => {
                        println!("no database: {error}");
                        sleep(self.term / 10).await;
                        continue;
                    }
                },
            };
            if Instant::now() < *deadline.lock().unwrap() {
                // As code does that blocks its thread, it goes on when the lease is lost.
                let (replica, grant) = (self.clone(), grant.clone());
                let mut client = client;
                let job = tokio::spawn(async move {
                    let done = timeout(replica.term * 3, replica.job(&mut client, &grant)).await;
                    match done {
                        Ok(Ok(())) => return Some(client),
                        Ok(Err(error)) => println!("the job failed: {error}"),
                        Err(_) => println!("the job took too long"),
                    }
                    None
                });
                database = job.await.unwrap();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn database(&self) -> Result<Client, Failure> {
        let connected = timeout(self.term, tokio_postgres::connect(&self.url, NoTls)).await;
        let (client, connection) = connected??;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A write, and the point of this second, if it is due.
    async fn job(&self, client: &mut Client, grant: &Grant) -> Result<(), Failure> {
        let due = self.begin_point().await?;
        let token = i64::try_from(grant.token)?;
        let mut tx = client.transaction().await?;
        if self.fenced {
            fence_grant(&mut tx, grant).await?;
        }
        if std::env::var_os("HOLDS").is_some() {
            println!("holds");
            sleep(self.term * 10).await;
        }
        // The time between a look and a write, in which a process may be stopped.
        sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        tx.execute(
            "insert into writes (token, holder) values ($1, $2)",
            &[&token, &self.name],
        )
        .await?;
        if let Some(point) = due {
            once_point(&mut tx, JOB, &point).await?;
            let attempt = i64::from(point.attempt);
            tx.execute(
                "insert into runs (point, attempt, token, holder) values ($1, $2, $3, $4)",
                &[&point.at, &attempt, &token, &self.name],
            )
            .await?;
            sleep(Duration::from_millis(fastrand::u64(0..10))).await;
        }
        tx.commit().await?;
        if let Some(point) = due {
            println!("ran {}", seconds(point.at));
        }
        Ok(())
    }

    /// The point that is due: the one that had begun and not ended, or this second. What lies between is told.
    async fn begin_point(&self) -> Result<Option<Point>, Failure> {
        let now = UNIX_EPOCH + Duration::from_secs(seconds(SystemTime::now()));
        let Some(last) = self.store.last(JOB).await? else {
            let first = Point::new(now, 0);
            if self.store.begin(JOB, &first).await? {
                self.store.end(JOB, &first).await?;
            }
            return Ok(None);
        };
        let due = if last.ended {
            Point::new(now, 0)
        } else {
            Point::new(last.point.at, last.point.attempt + 1)
        };
        if last.ended && last.point.at >= now {
            return Ok(None);
        }
        // Before the point begins: the process may be killed at any time after.
        let (from, to) = (seconds(last.point.at), seconds(due.at));
        if to > from + 1 {
            println!("missed {} {}", from + 1, to - 1);
        }
        Ok(self.store.begin(JOB, &due).await?.then_some(due))
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap().as_secs()
}
