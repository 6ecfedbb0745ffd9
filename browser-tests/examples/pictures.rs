//! Takes pictures of the page, for people to look at: `pictures FOLDER`. All of them, on a large screen and on a telephone, dark
//! and light, with few services and with hundreds, in each mode of `wall`. Needs Debian's `chromium` and `chromium-driver`.
//!
//! `docs/page` has a handful of them.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use browser_tests::{Program, Tools, ports};
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
    fs::write(file, STANDARD.decode(data)?)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("pictures FOLDER")?.into();
    fs::create_dir_all(&folder)?;
    let driver_port = ports::free();
    let mut driver = Command::new("chromedriver");
    let _driver = Program::start(driver.arg(format!("--port={driver_port}")));
    wait_for(driver_port).await?;
    let client = browser(driver_port).await?;
    for services in SERVICES {
        for (mode, word, wait) in MODES {
            let port = ports::free();
            let mut wall = Command::new(wall()?);
            let wall = wall.args([port.to_string(), services.to_string(), mode.to_owned()]);
            let _wall = Program::start(wall);
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
