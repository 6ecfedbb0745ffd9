//! `tenants`: a scheduler with a job for each tenant. Tenants are added and removed over HTTP while it runs, and one that is
//! dead is started again and again, with longer and longer waits, while the others go on.
//!
//! Try:
//!
//! ```console
//! $ curl -X PUT localhost:8009/tenants/acme
//! $ curl -X PUT localhost:8009/tenants/dead
//! $ curl localhost:8009/tenants
//! $ curl -X DELETE localhost:8009/tenants/acme
//! ```
//!
//! and Ctrl-C: each tenant writes its last report. `tenants 127.0.0.1:0` takes a free port.

#![allow(clippy::print_stdout, reason = "it talks to the terminal")]

use std::{env, fmt::Write, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, put},
};
use lifecycle::{
    AddError, Context, Entry, Group, MemberOutcome, Outcome, Restart, Result, Scheduled, Server,
    registry, service,
};
use tokio::net::TcpListener;

/// The job of one tenant. The one with the name `dead` has lost its data.
#[service(scheduled(interval = "100ms", on_error = fail))]
struct Tenant(String);

impl Scheduled for Tenant {
    async fn tick(&self, _: &Context) -> Result {
        if self.0 == "dead" {
            return Err("its data is gone".into());
        }
        println!("{}: a report", self.0);
        Ok(())
    }

    async fn drain(&self, _: &Context) -> Result {
        println!("{}: the last report", self.0);
        Ok(())
    }
}

type Tenants = Group<String>;

/// What is added: nobody else suffers when a tenant fails, for however long it does.
fn tenant(name: &str) -> Entry {
    let policy = Restart::new()
        .backoff(Duration::from_millis(200), Duration::from_secs(30))
        .forever();
    Entry::new(Tenant(name.to_owned()))
        .stop_timeout(Duration::from_secs(5))
        .on_failure(policy)
}

async fn add(Path(name): Path<String>, State(tenants): State<Tenants>) -> (StatusCode, String) {
    match tenants.add(name.clone(), tenant(&name)).await {
        Ok(()) => (StatusCode::CREATED, format!("{name} is up\n")),
        Err(error @ AddError::Duplicate(_)) => (StatusCode::CONFLICT, format!("{error}\n")),
        Err(error @ AddError::KeyTooLong(_)) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

async fn remove(Path(name): Path<String>, State(tenants): State<Tenants>) -> (StatusCode, String) {
    match tenants.remove(&name).await {
        MemberOutcome::Unknown => (StatusCode::NOT_FOUND, format!("there is no {name}\n")),
        MemberOutcome::Failed(error) => (StatusCode::OK, format!("{error}\n")),
        _ => (StatusCode::OK, format!("{name} has stopped\n")),
    }
}

#[service(server)]
struct Api {
    address: String,
    tenants: Tenants,
}

impl Server for Api {
    type Bound = TcpListener;

    async fn bind(&self, _: &Context) -> Result<TcpListener> {
        let listener = TcpListener::bind(&self.address).await?;
        println!("listening on {}", listener.local_addr()?);
        Ok(listener)
    }

    async fn serve(&self, listener: TcpListener, cx: &Context) -> Result {
        let handle = cx.handle();
        let list = async move || {
            let mut list = String::new();
            for status in handle.states() {
                // Writing to a string does not fail.
                let _ = writeln!(list, "{}: {}", status.name, status.state);
            }
            list
        };
        let routes = Router::new()
            .route("/tenants", get(list))
            .route("/tenants/{name}", put(add).delete(remove))
            .with_state(self.tenants.clone());
        axum::serve(listener, routes)
            .with_graceful_shutdown(cx.stop_channel().closed_owned())
            .await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let address = env::args().nth(1);
    let tenants = Tenants::new();
    let api = Api {
        address: address.unwrap_or_else(|| "127.0.0.1:8009".to_owned()),
        tenants: tenants.clone(),
    };
    registry! {
        "tenants" => tenants,
        "api" => api, after = ["tenants"],
    }
    .run()
    .await
}

#[cfg(test)]
mod tests {
    use lifecycle::testing::conformance;

    use super::*;

    mod tenant {
        use super::*;

        conformance!(Tenant("acme".to_owned()));
    }

    mod group {
        use super::*;

        conformance!(Tenants::new());
    }

    mod api {
        use super::*;

        conformance!(Api {
            address: "127.0.0.1:0".to_owned(),
            tenants: Tenants::new()
        });
    }
}
