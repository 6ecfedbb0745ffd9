//! What is said to etcd's JSON gateway, and what it says: keys and values in base 64, numbers of 64 bits as text, and nothing for zero.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A transaction: what is done if all of that is so, and what else. Without a condition it is done.
pub(crate) fn transaction(compare: &[Value], success: &[Value], failure: &[Value]) -> Value {
    json!({"compare": compare, "success": success, "failure": failure})
}

/// The key was written last in this revision; 0: there is no such key.
pub(crate) fn is_of_revision(key: &[u8], revision: i64) -> Value {
    let revision = revision.to_string();
    json!({"key": encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision})
}

/// The key has this value.
pub(crate) fn is(key: &[u8], value: &[u8]) -> Value {
    json!({"key": encode(key), "target": "VALUE", "result": "EQUAL", "value": encode(value)})
}

pub(crate) fn put(key: &[u8], value: &[u8]) -> Value {
    json!({"request_put": {"key": encode(key), "value": encode(value)}})
}

pub(crate) fn delete(key: &[u8]) -> Value {
    json!({"request_delete_range": {"key": encode(key)}})
}

pub(crate) fn get(key: &[u8]) -> Value {
    json!({"request_range": {"key": encode(key)}})
}

/// A watch of all keys from this one up to that, from this revision on.
pub(crate) fn watch(from: &[u8], to: &[u8], revision: i64) -> Value {
    let (key, range_end) = (encode(from), encode(to));
    json!({"create_request": {
        "key": key, "range_end": range_end, "start_revision": revision.to_string(),
    }})
}

/// What became of a transaction.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transacted {
    pub(crate) header: Header,
    /// Whether the conditions held.
    pub(crate) succeeded: bool,
    responses: Vec<Response>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    #[serde(deserialize_with = "number")]
    pub(crate) revision: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Response {
    response_range: Range,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Range {
    kvs: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue {
    #[serde(deserialize_with = "bytes")]
    pub(crate) key: Vec<u8>,
    #[serde(deserialize_with = "bytes")]
    pub(crate) value: Vec<u8>,
    #[serde(deserialize_with = "number")]
    pub(crate) mod_revision: i64,
}

impl Transacted {
    /// What was read by the operation of this number; `None`: there is no such key.
    pub(crate) fn read(&self, operation: usize) -> Option<&KeyValue> {
        self.responses.get(operation)?.response_range.kvs.first()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Authenticated {
    pub(crate) token: String,
}

/// What a watch tells: a line of its answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Watched {
    pub(crate) result: WatchResult,
    /// Why there is no more of it.
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WatchResult {
    pub(crate) header: Header,
    pub(crate) canceled: bool,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    kind: String,
    pub(crate) kv: KeyValue,
}

impl Event {
    pub(crate) fn is_deletion(&self) -> bool {
        self.kind == "DELETE"
    }
}

/// Why it refused. The older gateway calls the sentence `error`, the newer one `message`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    error: String,
    message: String,
    pub(crate) code: u32,
}

impl Refusal {
    pub(crate) fn sentence(self) -> String {
        if self.message.is_empty() {
            self.error
        } else {
            self.message
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(i64),
    }
    match Either::deserialize(from)? {
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        Either::Number(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// As etcd 3.4 answers.
    #[test]
    fn what_a_transaction_read_is_found_by_its_number() {
        let answer = r#"{"header":{"cluster_id":"10","member_id":"12","revision":"2","raft_term":"2"},"responses":[
            {"response_range":{"header":{"revision":"2"},"kvs":[{"key":"aA==","create_revision":"2","mod_revision":"2","version":"1","value":"bWU="}],"count":"1"}},
            {"response_range":{"header":{"revision":"2"}}}]}"#;
        let answer: Transacted = serde_json::from_str(answer).unwrap();
        assert!(!answer.succeeded);
        assert_eq!(answer.header.revision, 2);
        let first = answer.read(0).unwrap();
        assert_eq!(
            (&first.key[..], &first.value[..], first.mod_revision),
            (&b"h"[..], &b"me"[..], 2)
        );
        assert!(answer.read(1).is_none() && answer.read(2).is_none());
    }

    #[test]
    fn a_watch_tells_events_and_its_end() {
        let line = r#"{"result":{"header":{"revision":"3"},"events":[{"kv":{"key":"aA==","mod_revision":"2"}},{"type":"DELETE","kv":{"key":"aA=="}}]}}"#;
        let told: Watched = serde_json::from_str(line).unwrap();
        let deletions: Vec<_> = told.result.events.iter().map(Event::is_deletion).collect();
        assert_eq!(deletions, [false, true]);
        let line =
            r#"{"result":{"header":{"revision":"4"},"canceled":true,"compact_revision":"4"}}"#;
        let told: Watched = serde_json::from_str(line).unwrap();
        assert!(told.result.canceled && told.error.is_none());
        let line = r#"{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}"#;
        assert!(
            serde_json::from_str::<Watched>(line)
                .unwrap()
                .error
                .is_some()
        );
    }

    #[test]
    fn a_refusal_is_understood_from_either_gateway() {
        for text in [
            r#"{"error":"e","message":"e","code":9}"#,
            r#"{"code":9,"message":"e","details":[]}"#,
            r#"{"error":"e","code":9}"#,
        ] {
            let refusal: Refusal = serde_json::from_str(text).unwrap();
            assert_eq!((refusal.code, refusal.sentence()), (9, "e".to_owned()));
        }
    }
}
