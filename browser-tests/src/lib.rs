//! What the tests and the pictures have in common: programs that end with them, ports for these, and Chromium's own tools.

pub mod ports;

use std::process::{Child, Command, Stdio};

use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

/// A program that ends with the value.
#[derive(Debug)]
pub struct Program(pub Child);

impl Program {
    /// Starts it; what it says is lost.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts it, with a place for its errors.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_with(command: &mut Command, stderr: Stdio) -> Self {
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of the protocol of Chromium's own tools, with its parameters: a window of Chromium is never narrower than 500
/// pixels, a device is.
#[derive(Debug)]
pub struct Tools(pub &'static str, pub Value);

impl WebDriverCompatibleCommand for Tools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (http::Method::POST, Some(body.to_string()))
    }
}
