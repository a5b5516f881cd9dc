use rhai_dispatcher_gateway_client::{Call, ClientError, TaskStatus};

use crate::support::{PATIENCE, Site};

#[tokio::test(flavor = "multi_thread")]
async fn restart_ends_calls_that_were_sent_and_no_others() {
    let mut site = Site::new().await;
    let client = site.client().await;
    let gate = Call::new("test.gate").with_params(&[1]).expect("JSON");
    let submitted = client.call_submit(&gate).await.expect("a task");
    let spawn = |work: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<_, i64>(work, &[7]).await })
    };
    let lost = spawn("test.gate");
    let waited = tokio::spawn({
        let client = client.clone();
        async move { client.task_wait(submitted.task_id, PATIENCE).await }
    });
    site.running(2).await;
    site.stop_gateway().await;
    let error = lost.await.expect("no panic").expect_err("its connection has ended");
    assert!(matches!(error, ClientError::ConnectionLost { .. }), "{error:?}");
    assert!(error.may_have_run() && error.is_retryable());

    // Its task is cancelled, and takes no permit any more.
    site.running(1).await;

    // The gateway is away: it waits for the next one.
    let later = spawn("test.gate");
    site.start_gateway(Box::new(|builder| builder)).await;
    site.gate.add_permits(2);
    assert_eq!(later.await.expect("no panic"), Ok(7));
    let details = waited.await.expect("no panic").expect("the wait goes to the next gateway too");
    assert_eq!(details.status, TaskStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cuts_lose_no_wait() {
    let site = Site::new().await;
    let client = site.client().await;
    for number in 0..20 {
        let gate = Call::new("test.gate").with_params(&[1]).expect("JSON").with_kept_task();
        // A submit that meets the cut may have been carried out, so that it is repeated with its id.
        let gate = gate.with_request_id(format!("cut {number}"));
        let submitted = loop {
            match client.call_submit(&gate).await {
                Ok(submitted) => break submitted,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        };
        let waited = client.task_wait(submitted.task_id, PATIENCE);
        let cut = async {
            site.network.cut();
            site.gate.add_permits(1);
        };
        let (waited, ()) = futures::join!(waited, cut);
        assert_eq!(waited.expect("it ends").status, TaskStatus::Completed);
    }
}
