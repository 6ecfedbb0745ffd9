//! Clients that keep a server busy until it is gone, and the ledger of what it acknowledged to them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use serde_json::Value;

use crate::client::{Answer, Client, Gone, millis};

/// What one token was told.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// The time in its latest answer to `whoami`.
    pub observed_at: Option<u64>,
    pub observations: usize,
    pub logged_out: bool,
}

/// By token.
pub type Ledger = HashMap<String, Acknowledged>;

/// Requests under way; one message an acknowledgement.
pub struct Load {
    clients: Vec<JoinHandle<Ledger>>,
    acknowledged: Receiver<()>,
}

impl Load {
    /// Starts clients that log in, ask who they are again and again, and now and then log out.
    pub fn start(address: SocketAddr, clients: u64, seed: u64) -> Self {
        let (tell, acknowledged) = channel();
        let clients = (0..clients)
            .map(|number| {
                let mut visitor = Visitor {
                    client: Client::new(address),
                    random: fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9)),
                    tell: tell.clone(),
                    ledger: Ledger::new(),
                };
                thread::spawn(move || {
                    // Ends with the server.
                    while visitor.visit().is_ok() {}
                    visitor.ledger
                })
            })
            .collect();
        Self {
            clients,
            acknowledged,
        }
    }

    /// Waits until the server has acknowledged this many requests more.
    pub fn wait_for(&self, acknowledgements: usize) {
        for _ in 0..acknowledgements {
            self.acknowledged
                .recv()
                .expect("a client goes on until the server is gone");
        }
    }

    /// Waits until every client has seen the server gone.
    pub fn ledger(self) -> Ledger {
        self.clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    }
}

struct Visitor {
    client: Client,
    random: fastrand::Rng,
    tell: Sender<()>,
    ledger: Ledger,
}

impl Visitor {
    fn visit(&mut self) -> Result<(), Gone> {
        let issued = acknowledged(self.client.login("change me")?, 200)?;
        let token = issued["token"].as_str().unwrap().to_owned();
        self.ledger.insert(token.clone(), Acknowledged::default());
        self.count();
        for _ in 0..self.random.u32(1..200) {
            let observed = acknowledged(self.client.whoami(&token)?, 200)?;
            let told = self.told(&token);
            told.observed_at = told.observed_at.max(Some(millis(&observed["observed_at"])));
            told.observations += 1;
            self.count();
        }
        if self.random.bool() {
            acknowledged(self.client.logout(&token)?, 204)?;
            self.told(&token).logged_out = true;
            self.count();
        }
        Ok(())
    }

    fn told(&mut self, token: &str) -> &mut Acknowledged {
        self.ledger.get_mut(token).unwrap()
    }

    fn count(&self) {
        // The test may have stopped counting.
        let _ = self.tell.send(());
    }
}

/// The body of an answer with this status. A server that stops may refuse with 503; any other answer is a mistake.
fn acknowledged(answer: Answer, status: u16) -> Result<Value, Gone> {
    if answer.status == 503 {
        Err(Gone)
    } else {
        Ok(answer.expect_status(status))
    }
}
