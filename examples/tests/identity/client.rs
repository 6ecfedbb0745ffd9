//! A client of the server. It believes nothing but complete answers: those are what the server acknowledged.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// A request without a complete answer: the server is gone, or going.
#[derive(Debug)]
pub struct Gone;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)));
        Self {
            agent: config.build().new_agent(),
            base: format!("http://{address}"),
        }
    }

    pub fn login(&self, password: &str) -> Result<Answer, Gone> {
        self.login_as("root", password)
    }

    pub fn login_as(&self, name: &str, password: &str) -> Result<Answer, Gone> {
        let login = json!({ "name": name, "password": password }).to_string();
        answer(
            self.agent
                .post(self.url("/login"))
                .header("content-type", "application/json")
                .send(login),
        )
    }

    /// Logs in and returns the token.
    pub fn token(&self) -> String {
        self.login("change me").unwrap().expect_status(200)["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn whoami(&self, token: &str) -> Result<Answer, Gone> {
        self.get("/whoami", token)
    }

    pub fn sessions(&self, token: &str) -> Result<Answer, Gone> {
        self.get("/sessions", token)
    }

    pub fn logout(&self, token: &str) -> Result<Answer, Gone> {
        answer(
            self.agent
                .post(self.url("/logout"))
                .header("authorization", bearer(token))
                .send_empty(),
        )
    }

    pub fn get(&self, path: &str, token: &str) -> Result<Answer, Gone> {
        answer(
            self.agent
                .get(self.url(path))
                .header("authorization", bearer(token))
                .call(),
        )
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Answer {
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// Milliseconds since 1970 of a time in an answer.
pub fn millis(time: &Value) -> u64 {
    let time = humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
    u64::try_from(
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn answer(response: Result<Response<Body>, ureq::Error>) -> Result<Answer, Gone> {
    let mut response = response.map_err(|_| Gone)?;
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().map_err(|_| Gone)?;
    Ok(Answer {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}
