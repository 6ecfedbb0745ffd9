//! The page as a person sees it: in Chromium, through its web driver. Needs Debian's `chromium` and `chromium-driver`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use browser_tests::{Program, Tools, ports};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// An application, and a browser that looks at it.
struct Wall {
    client: Client,
    port: u16,
    _program: Program,
    _driver: Program,
}

impl Wall {
    async fn show(services: usize, mode: &str, script: bool) -> Self {
        let (port, driver_port) = (ports::free(), ports::free());
        let driver =
            Program::start(Command::new("chromedriver").arg(format!("--port={driver_port}")));
        let mut options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,1000"],
        });
        if !script {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let Value::Object(capabilities) = capabilities else {
            unreachable!()
        };
        wait_for(driver_port).await;
        let mut builder = ClientBuilder::new(hyper_util_connector());
        let client = builder
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{driver_port}"))
            .await
            .unwrap();
        // Once the browser is there, so that nothing is over before it looks.
        let program = Program::start(Command::new(env!("CARGO_BIN_EXE_wall")).args([
            port.to_string(),
            services.to_string(),
            mode.to_owned(),
        ]));
        wait_for(port).await;
        client
            .goto(&format!("http://127.0.0.1:{port}/"))
            .await
            .unwrap();
        Self {
            client,
            port,
            _program: program,
            _driver: driver,
        }
    }

    /// Waits until this is on the page, which nobody loads again.
    async fn sees(&self, selector: &str, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let shown = match self.client.find(Locator::Css(selector)).await {
                Ok(found) => found.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if shown.contains(text) {
                return;
            }
            assert!(
                Instant::now() < end,
                "`{selector}` shows `{shown}`, and not `{text}`"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Again, if the page has replaced the button meanwhile.
    async fn click(&self, selector: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let button = self.client.find(Locator::Css(selector)).await;
            match button {
                Ok(button) if button.click().await.is_ok() => return,
                _ => assert!(Instant::now() < end, "no `{selector}` to click"),
            }
        }
    }

    /// No error in the console, and nothing from anywhere else.
    async fn is_clean(&self) {
        let entries = self.client.issue_cmd(ConsoleLog).await.unwrap();
        let bad = |entry: &&Value| entry["level"] == "SEVERE";
        let bad: Vec<&Value> = entries.as_array().unwrap().iter().filter(bad).collect();
        assert!(bad.is_empty(), "{bad:?}");
        let loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let loaded = self.client.execute(loaded, vec![]).await.unwrap();
        let own = format!("http://127.0.0.1:{}/", self.port);
        let loaded = loaded.as_array().unwrap();
        assert!(loaded.len() >= 2, "{loaded:?}");
        for name in loaded.iter().map(|name| name.as_str().unwrap()) {
            assert!(
                name.starts_with(&own) || name.starts_with("data:"),
                "{name}"
            );
        }
    }

    async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// What the browser has written to its console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(json!({ "type": "browser" }).to_string()),
        )
    }
}

fn hyper_util_connector() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

async fn wait_for(port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nothing listens on {port}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Gives an order without the page.
fn post(port: u16, path: &str) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

#[tokio::test]
async fn a_start_is_shown_as_it_happens() {
    let wall = Wall::show(20, "slow", true).await;
    wall.sees(".top .word", "starting").await;
    wall.sees(".top .word", "ready").await;
    wall.sees(".sentence", "All 21 services run").await;
    wall.sees(".start h2", "Start: ready after").await;
    wall.is_clean().await;
    wall.close().await;
}

#[tokio::test]
async fn a_drain_is_shown_as_it_happens_and_then_the_end() {
    let wall = Wall::show(20, "lingering", true).await;
    wall.sees(".top .word", "ready").await;
    post(wall.port, "/shutdown");
    wall.sees(".top .word", "stopping").await;
    wall.sees(".stop h2", "Stop").await;
    wall.sees(".list", "stopped").await;
    wall.sees("#lost", "The application has stopped").await;
    wall.close().await;
}

#[tokio::test]
async fn a_restart_is_shown_as_it_happens() {
    let wall = Wall::show(20, "restarting", true).await;
    wall.sees(".trouble li.backoff", "feed").await;
    wall.sees(".sentence", "feed waits").await;
    wall.sees(".sentence", "All 21 services run").await;
    wall.sees(
        ".trouble li.backoff",
        "connection to feed.example.com:443 refused",
    )
    .await;
    wall.is_clean().await;
    wall.close().await;
}

#[tokio::test]
async fn a_click_triggers_a_tick_and_another_pauses_the_schedule() {
    let wall = Wall::show(20, "running", true).await;
    wall.sees(".top .word", "ready").await;
    wall.click("#trigger-metrics-push").await;
    wall.sees("#said", "trigger metrics-push: ok").await;
    wall.click("#pause-gc").await;
    wall.sees(".schedules", "paused").await;
    wall.sees("#resume-gc", "resume").await;
    wall.is_clean().await;
    wall.close().await;
}

#[tokio::test]
async fn without_script_everything_is_there_but_the_buttons() {
    let wall = Wall::show(20, "failed", false).await;
    wall.client.refresh().await.unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let text = wall
            .client
            .find(Locator::Css("main"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let all = [
            "20 of 21 services run; feed failed",
            "connection to feed.example.com:443 refused",
            "Schedules",
            "Last events",
        ];
        if all.iter().all(|part| text.contains(part)) {
            break;
        }
        assert!(Instant::now() < end, "{text}");
        sleep(Duration::from_millis(50)).await;
        wall.client.refresh().await.unwrap();
    }
    for button in wall.client.find_all(Locator::Css("button")).await.unwrap() {
        assert!(!button.is_displayed().await.unwrap(), "it could do nothing");
    }
    wall.close().await;
}

fn telephone() -> Tools {
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": true });
    Tools("Emulation.setDeviceMetricsOverride", metrics)
}

#[tokio::test]
async fn hundreds_of_services_fit_on_a_telephone() {
    for (services, mode) in [(400, "running"), (3, "standby")] {
        let wall = Wall::show(services, mode, true).await;
        wall.sees(".top .word", "ready").await;
        wall.client.issue_cmd(telephone()).await.unwrap();
        let width = "return document.documentElement.clientWidth";
        let width = wall.client.execute(width, vec![]).await.unwrap();
        assert_eq!(width, json!(390));
        let overflow =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let overflow = wall.client.execute(overflow, vec![]).await.unwrap();
        assert_eq!(overflow, json!(0), "nothing is wider than the window");
        wall.is_clean().await;
        wall.close().await;
    }
}

#[tokio::test]
async fn who_leads_is_shown_with_script_and_without() {
    for script in [true, false] {
        let wall = Wall::show(3, "standby", script).await;
        let end = Instant::now() + Duration::from_secs(20);
        let told = [
            "led by this replica, token 1",
            "led by shop-7d9f8b/1/5be1a60c, token 1",
            "Leases, of services that one replica runs",
            "shop/invoices",
            "30 s",
            " left",
        ];
        loop {
            let main = wall.client.find(Locator::Css("main")).await.unwrap();
            let text = main.text().await.unwrap_or_default();
            if told.iter().all(|told| text.contains(told)) {
                break;
            }
            assert!(Instant::now() < end, "{script}: {text}");
            sleep(Duration::from_millis(50)).await;
            if !script {
                wall.client.refresh().await.unwrap();
            }
        }
        if script {
            wall.is_clean().await;
        }
        wall.close().await;
    }
}
