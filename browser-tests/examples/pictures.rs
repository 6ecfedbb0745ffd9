//! Takes pictures of the page, for people to look at: `pictures FOLDER`. All of them, on a large screen and on a telephone, dark
//! and light, with few services and with hundreds, in each mode of `wall`. Needs Debian's `chromium` and `chromium-driver`.
//!
//! `docs/page` has a handful of them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::time::sleep;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const SERVICES: [usize; 3] = [3, 40, 400];

/// A mode of `wall`, the word on the page by which it has come to be, and how long it lasts before the picture is taken.
const MODES: [(&str, &str, Duration); 6] = [
    ("starting", "starting", Duration::from_secs(1)),
    ("running", "ready", Duration::from_secs(8)),
    ("restarting", "not ready", Duration::from_millis(300)),
    ("draining", "stopping", Duration::from_secs(1)),
    ("failed", "ready, with trouble", Duration::from_secs(8)),
    ("standby", "ready", Duration::from_secs(8)),
];

/// Width in pixels of CSS, and whether it is a telephone.
const SCREENS: [(u32, bool); 2] = [(1440, false), (390, true)];

/// A program that ends with this one.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of the protocol of Chromium's own tools: a window of Chromium is never narrower than 500 pixels, a device is.
#[derive(Debug)]
struct Tools(&'static str, Value);

impl WebDriverCompatibleCommand for Tools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> std::result::Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (http::Method::POST, Some(body.to_string()))
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

async fn wait_for(port: u16) -> Result {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > end {
            return Err(format!("nothing listens on {port}").into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Beside this program, which is an example of the same package.
fn wall() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent);
    Ok(folder.ok_or("no folder above")?.join("wall"))
}

async fn browser(port: u16) -> Result<Client> {
    let args = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ];
    let Value::Object(capabilities) = json!({ "goog:chromeOptions": { "args": args } }) else {
        unreachable!()
    };
    let connector = hyper_util::client::legacy::connect::HttpConnector::new();
    let client = ClientBuilder::new(connector)
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{port}"))
        .await?;
    Ok(client)
}

async fn shows(client: &Client, word: &str) -> Result {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = match client.find(Locator::Css(".top .word")).await {
            Ok(shown) => shown.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        if shown == word {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("`{shown}`, and not `{word}`").into());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The whole page, however long it is.
async fn picture(client: &Client, screen: (u32, bool), scheme: &str, file: &Path) -> Result {
    let (width, is_mobile) = screen;
    let metrics =
        json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": is_mobile });
    let tools = |name, parameters| client.issue_cmd(Tools(name, parameters));
    tools("Emulation.setDeviceMetricsOverride", metrics).await?;
    let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
    tools(
        "Emulation.setEmulatedMedia",
        json!({ "features": [feature] }),
    )
    .await?;
    let wider =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let wider = client.execute(wider, vec![]).await?;
    if wider != json!(0) {
        eprintln!("{}: {wider} pixels wider than the screen", file.display());
    }
    let whole = json!({ "captureBeyondViewport": true, "format": "png" });
    let taken = tools("Page.captureScreenshot", whole).await?;
    let data = taken["data"].as_str().ok_or("no picture")?;
    fs::write(file, decoded(data)?)?;
    Ok(())
}

/// Base64, with padding.
fn decoded(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0_u32;
    for (index, letter) in text.trim_end_matches('=').bytes().enumerate() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err("no base64".into()),
        };
        bits = bits << 6 | u32::from(value);
        if index % 4 > 0 {
            let [.., byte] = (bits >> (6 - 2 * (index % 4))).to_be_bytes();
            bytes.push(byte);
        }
    }
    Ok(bytes)
}

#[tokio::main]
async fn main() -> Result {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("pictures FOLDER")?.into();
    fs::create_dir_all(&folder)?;
    let driver_port = free_port()?;
    let mut driver = Command::new("chromedriver");
    let _driver = Program::start(driver.arg(format!("--port={driver_port}")))?;
    wait_for(driver_port).await?;
    let client = browser(driver_port).await?;
    for services in SERVICES {
        for (mode, word, wait) in MODES {
            let port = free_port()?;
            let mut wall = Command::new(wall()?);
            let wall = wall.args([port.to_string(), services.to_string(), mode.to_owned()]);
            let _wall = Program::start(wall)?;
            wait_for(port).await?;
            client.goto(&format!("http://127.0.0.1:{port}/")).await?;
            shows(&client, word).await?;
            sleep(wait).await;
            for screen in SCREENS {
                for scheme in ["dark", "light"] {
                    let name = format!("{mode}-{services}-{}-{scheme}.png", screen.0);
                    picture(&client, screen, scheme, &folder.join(name)).await?;
                }
            }
        }
    }
    client.close().await?;
    Ok(())
}
