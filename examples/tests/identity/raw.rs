//! Requests byte by byte, for what no well-behaved client sends.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Long enough for a busy machine; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that has sent this much.
pub fn sent(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// A log-in of somebody who guesses.
pub fn login(password: &str) -> String {
    let body = format!(r#"{{"name":"root","password":"{password}"}}"#);
    post("/login", "application/json", &body)
}

/// A request that closes its connection.
pub fn post(path: &str, content: &str, body: &str) -> String {
    request(
        "POST",
        path,
        &format!(
            "content-type: {content}\r\ncontent-length: {}\r\n",
            body.len()
        ),
    ) + body
}

pub fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
}

/// What comes until the server closes the connection, which it must.
pub fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("the server keeps the connection")
        }
        // A reset is an end, too.
        _ => String::from_utf8(bytes).unwrap(),
    }
}

/// Status, head and JSON body of an answer.
#[track_caller]
pub fn answer(stream: TcpStream) -> (u16, String, Value) {
    let text = rest(stream);
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()));
    (status, head.to_lowercase(), json)
}
