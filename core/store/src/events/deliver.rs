//! Sends events to a receiver: in order, each at least once, and none is passed over. The place that sends keeps the
//! cursor; it moves after the receiver has said that it has the event.

use super::event::Event;
use super::http::{Client, Request};
use super::journal::{Events, last_number, read};
use super::settings::Notify;
use super::url::Url;
use lifeboat_core::Result;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The version of the file's format.
const VERSION: u32 = 1;
/// The pause after the first failure, in seconds. Each further failure doubles it.
const PAUSE: u64 = 2;
/// The longest pause.
const PAUSE_MAX: u64 = 900;
/// No request begins when less time is left.
const LEAST: Duration = Duration::from_millis(500);

/// The file `sent`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Sent {
    version: u32,
    /// The log to which the cursor belongs.
    log: String,
    /// The number of the last event that the receiver has.
    after: u64,
    webhook: Pause,
    heartbeat: Pause,
    /// When the last heartbeat was heard.
    heard: Option<u64>,
}

/// How long nothing is sent to one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Pause {
    failures: u32,
    /// The time of the last failure.
    failed: u64,
}

/// What a delivery did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// How many events the receiver got.
    pub sent: u64,
    /// How many wait.
    pub waiting: u64,
    /// Why they wait, or why no heartbeat was heard. It shows the host of a URL, and nothing else of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Pause {
    fn holds(self, now: u64) -> bool {
        // If the clock was set back far, the pause is over.
        let is_near = self.failed <= now.saturating_add(PAUSE_MAX);
        self.failures > 0 && is_near && now < self.failed.saturating_add(self.length())
    }

    fn length(self) -> u64 {
        PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(20)).min(PAUSE_MAX)
    }

    fn fail(&mut self, now: u64) {
        *self = Self { failures: self.failures.saturating_add(1), failed: now };
    }
}

impl Events<'_> {
    /// Sends what waits, and asks the heartbeat's URL if a save has just succeeded (`is_saved`). It ends after about
    /// `time`, or soon after `interrupted` says so, which is called each 10 ms on the thread of the caller. What was not
    /// sent waits for the next call. None: the settings name no receiver.
    ///
    /// Nothing here is an error: what hinders it is in the result.
    pub fn deliver(&self, is_saved: bool, time: Duration, interrupted: &dyn Fn() -> bool) -> Option<Delivered> {
        let notify = self.settings.notify.as_ref()?;
        if notify.webhook.is_none() && notify.heartbeat.is_none() {
            return None;
        }
        let mut delivered = Delivered::default();
        let done = self.settings.check().and_then(|()| self.send(notify, is_saved, time, interrupted, &mut delivered));
        if let Err(error) = done {
            delivered.why = Some(error.to_string());
        }
        Some(delivered)
    }

    fn send(
        &self,
        notify: &Notify,
        is_saved: bool,
        time: Duration,
        interrupted: &dyn Fn() -> bool,
        delivered: &mut Delivered,
    ) -> Result<()> {
        let began = Instant::now();
        let until = began + time;
        self.make_directories()?;
        let Some(_sending) = self.lock_of_sender()? else {
            if notify.webhook.is_some() {
                let mut sent = self.read_sent()?;
                delivered.waiting = self.newest(&mut sent)? - sent.after;
            }
            delivered.why = Some("another process sends the events".to_owned());
            return Ok(());
        };
        let mut sent = self.read_sent()?;
        let ask = Ask { client: Client::default(), notify, now: self.now, began, until, interrupted };
        if let Some(url) = notify.heartbeat.as_ref().filter(|_| is_saved) {
            // Its host may be reached in another way.
            let ask = Ask { client: Client::default(), ..ask };
            self.beat(url, &mut sent, &ask, delivered)?;
        }
        let Some(url) = &notify.webhook else { return Ok(()) };
        let newest = self.newest(&mut sent)?;
        delivered.waiting = newest - sent.after;
        if delivered.waiting == 0 {
            return Ok(());
        }
        if sent.webhook.holds(self.now) {
            delivered.why = Some(format!("{} failed a moment ago; it is asked again later", url.host()));
            return Ok(());
        }
        for event in super::read(self.files, self.local, sent.after)? {
            if until.saturating_duration_since(Instant::now()) < LEAST {
                break;
            }
            match ask.ask(url, Some(&event)) {
                Ok(()) => (sent.after, sent.webhook) = (event.number, Pause::default()),
                Err(why) => {
                    // Where we did not wait, the receiver did not fail.
                    if !interrupted() {
                        sent.webhook.fail(ask.now());
                    }
                    delivered.why = Some(why);
                }
            }
            self.write_sent(&sent)?;
            // Events that came meanwhile may have been sent, too.
            delivered.waiting = newest.saturating_sub(sent.after);
            if delivered.why.is_some() {
                break;
            }
            delivered.sent += 1;
        }
        Ok(())
    }

    fn beat(&self, url: &Url, sent: &mut Sent, ask: &Ask<'_>, delivered: &mut Delivered) -> Result<()> {
        let every = ask.notify.heartbeat_every();
        let is_early = sent.heard.is_some_and(|heard| heard <= self.now && self.now - heard < every);
        if is_early || sent.heartbeat.holds(self.now) {
            return Ok(());
        }
        match ask.ask(url, None) {
            Ok(()) => (sent.heard, sent.heartbeat) = (Some(self.now), Pause::default()),
            Err(why) => {
                if !(ask.interrupted)() {
                    sent.heartbeat.fail(ask.now());
                }
                delivered.why = Some(why);
            }
        }
        self.write_sent(sent)
    }

    /// The number of the newest event. A cursor that is not of this log begins anew.
    fn newest(&self, sent: &mut Sent) -> Result<u64> {
        let (log, newest) = last_number(self.files, self.local)?;
        // Numbers that do not exist yet: the log was put back from a copy of the past.
        if sent.log != log || sent.after > newest {
            (sent.log, sent.after) = (log, 0);
        }
        Ok(newest)
    }

    /// The cursor. Without one, everything that is kept is sent: rather twice than never.
    fn read_sent(&self) -> Result<Sent> {
        let bytes = read(self.files, &self.path("sent"))?;
        let sent = bytes.and_then(|bytes| serde_json::from_slice::<Sent>(&bytes).ok());
        Ok(sent.filter(|sent| sent.version == VERSION).unwrap_or_default())
    }

    fn write_sent(&self, sent: &Sent) -> Result<()> {
        let sent = Sent { version: VERSION, ..sent.clone() };
        self.replace("sent", &serde_json::to_vec(&sent).expect("numbers and texts are JSON"))
    }
}

/// How long and by whom receivers are asked.
struct Ask<'a> {
    client: Client,
    notify: &'a Notify,
    /// When the delivery began, by the clock of the place and by that of the machine.
    now: u64,
    began: Instant,
    until: Instant,
    interrupted: &'a dyn Fn() -> bool,
}

impl Ask<'_> {
    /// The time: a pause begins once the receiver is no longer waited for.
    fn now(&self) -> u64 {
        self.now.saturating_add(self.began.elapsed().as_secs())
    }

    /// Asks a URL. The error names its host alone.
    fn ask(&self, url: &Url, event: Option<&Event>) -> Result<(), String> {
        let request = Request { url: url.secret().to_owned(), body: event.map(|event| (event.to_json(), event.key())) };
        let left = self.until.saturating_duration_since(Instant::now());
        let named = |why: String| format!("{}: {why}", url.host());
        let status = self.client.ask(self.notify, url.is_loopback(), request, left, self.interrupted).map_err(named)?;
        match status {
            200..=299 => Ok(()),
            300..=399 => {
                Err(named(format!("it answers {status}: it redirects, which is not followed; give its own URL")))
            }
            _ => Err(named(format!("it answers {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let (mut pause, mut lengths) = (Pause::default(), Vec::new());
        assert!(!pause.holds(0));
        for failure in 0..40 {
            pause.fail(1000 * failure);
            lengths.push(pause.length());
            assert!(pause.holds(1000 * failure) && !pause.holds(1000 * failure + pause.length()));
        }
        assert_eq!((&lengths[..3], lengths[39]), (&[2, 4, 8][..], PAUSE_MAX));
        assert!(!pause.holds(10), "the clock was set back");
    }
}
