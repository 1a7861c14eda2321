//! What may begin when a receiver shuts down.

use futures_util::future::FutureExt;

use super::*;
use crate::answer::Answer;

fn attached() -> Receiver {
    let receiver = receiver(FULL);
    let clock = SystemClock::new(|_| Box::pin(core::future::ready(())));
    receiver.attach(clock, |_| false);
    receiver
}

fn admit(receiver: &Receiver) -> Result<Run, Answer> {
    let received = received(receiver, &Request::full("{}")).unwrap();
    receiver.admit(received).now_or_never().unwrap()
}

#[test]
fn a_request_that_was_proved_before_is_not_admitted_any_more() {
    let receiver = attached();
    let before = admit(&receiver).unwrap();
    assert_eq!(receiver.running(), 1);
    drop(before);
    assert_eq!(receiver.running(), 0);
    receiver.inner.running.close();
    let refused = admit(&receiver).unwrap_err();
    assert_eq!(
        refused.rejection().map(Rejection::kind),
        Some(RejectionKind::Draining)
    );
    assert_eq!(receiver.running(), 0);
}

#[test]
fn a_run_that_has_not_begun_does_not_begin_and_is_given_back() {
    let receiver = attached();
    let run = admit(&receiver).unwrap();
    // Nobody polls it meanwhile.
    receiver.inner.running.close();
    receiver.inner.running.cancel();
    let handler = async { panic!("it began") };
    let (task, handle) = run.start(handler, |(): &()| Verdict::answered(200, None));
    task.now_or_never().unwrap();
    let Some(Reply::Answer(answer)) = handle.now_or_never() else {
        panic!("a run that did not begin has no result");
    };
    assert_eq!(
        answer.rejection().map(Rejection::kind),
        Some(RejectionKind::HandlerDropped)
    );
    assert_eq!(receiver.running(), 0);
}
