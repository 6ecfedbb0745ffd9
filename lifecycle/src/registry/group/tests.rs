use std::sync::Weak;

use super::*;
use crate::registry::Registry;
use crate::report::status::OnFailure;

/// Fails in its `startup` if it is told to.
struct Tenant {
    fails: bool,
}

#[async_trait]
impl Service for Tenant {
    async fn start(&self, cx: &Context) -> Result {
        if self.fails {
            return Err("no database".into());
        }
        cx.ready();
        cx.stop_channel().closed().await;
        Ok(())
    }

    async fn stop(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn member(group: &Group<u32>, key: u32) -> Weak<Member> {
    let member = group.state().members[&key].member.clone();
    Arc::downgrade(&member.unwrap())
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_member_is_left_that_was_removed_or_has_stopped_with_its_group() {
    let group = Group::new();
    let registry = Registry::builder().service("group", group.clone());
    let running = registry.build().unwrap().signals(false).start();
    running.await_healthy().await.unwrap();
    for (key, fails) in [(0, false), (1, true), (2, false)] {
        let entry = Entry::new(Tenant { fails }).on_failure(OnFailure::Ignore);
        assert_eq!(group.add(key, entry).await.is_err(), fails);
    }
    let (removed, failed) = (member(&group, 0), member(&group, 1));
    group.restart(&2).await.unwrap();
    let restarted = member(&group, 2);
    let _ = (group.remove(&0).await, group.remove(&1).await);
    // An empty slot keeps its last member until it is that of another one.
    for key in [3, 4] {
        group.add(key, Tenant { fails: false }).await.unwrap();
    }
    assert!(removed.upgrade().is_none() && failed.upgrade().is_none());
    let last = member(&group, 4);
    drop(running.stop().await);
    assert!(restarted.upgrade().is_none() && last.upgrade().is_none());
}
