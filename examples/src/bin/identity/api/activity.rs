//! Whether a connection has a request to be answered, or is waiting for its client.

use std::{sync::Arc, time::Duration};

use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until},
};

/// Since when the server has been waiting for the client: for a request, the rest of one, or to take its answer. `None`
/// while a request that has arrived whole is being answered.
pub struct Activity(watch::Sender<Option<Instant>>);

/// The answering of one request.
pub struct Answering(Arc<Activity>);

impl Activity {
    pub fn new() -> Self {
        Self(watch::Sender::new(Some(Instant::now())))
    }

    pub fn answering(self: Arc<Self>) -> Answering {
        self.0.send_replace(None);
        Answering(self)
    }

    pub fn quiet_since(&self) -> Option<Instant> {
        *self.0.borrow()
    }

    /// Resolves once the server has been waiting for this long.
    pub async fn quiet_for(&self, limit: Duration) {
        let mut activity = self.0.subscribe();
        loop {
            let since = *activity.borrow_and_update();
            let quiet = async {
                match since {
                    Some(since) => sleep_until(since + limit).await,
                    None => std::future::pending().await,
                }
            };
            select! {
                () = quiet => return,
                // Can't fail: we hold the sender.
                _ = activity.changed() => {}
            }
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.send_replace(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quiet_is_the_time_without_a_request() {
        let (limit, start) = (Duration::from_secs(10), Instant::now());
        let activity = Arc::new(Activity::new());
        let client = async {
            sleep(Duration::from_secs(9)).await;
            let answering = activity.clone().answering();
            assert_eq!(activity.quiet_since(), None);
            sleep(Duration::from_secs(60)).await;
            drop(answering);
        };
        tokio::join!(client, activity.quiet_for(limit));
        assert_eq!(start.elapsed(), Duration::from_secs(9 + 60 + 10));
    }
}
