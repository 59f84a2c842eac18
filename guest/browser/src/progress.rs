//! Events of `progress`, to JavaScript: `{ type, … }` with the words of the command line's `--progress json`.

use js_sys::Object;
use wasm_bindgen::JsValue;

use ocix_core::media::{Action, Event, Outcome, Retry, Step};

use crate::value::set;

/// To JavaScript.
pub fn outward(event: Event) -> JsValue {
    let object = Object::new();
    let (kind, fields) = match event {
        Event::Step(step) => {
            set(&object, "step", &self::step(step));
            ("step", Vec::new())
        }
        Event::Warning(message) => ("warning", vec![("message", message.into())]),
        Event::Retry(Retry { target, tried, why, wait }) => {
            let wait = (wait as f64).into();
            ("retry", vec![("target", target.into()), ("tried", tried.into()), ("why", why.into()), ("wait", wait)])
        }
    };
    set(&object, "type", &kind.into());
    fields.iter().for_each(|(name, value)| set(&object, name, value));
    object.into()
}

fn step(Step { id, action, subject, target, done, total, outcome }: Step) -> JsValue {
    let object = Object::new();
    let action = match action {
        Action::Layer => "layer",
        Action::Copy => "copy",
        Action::Tag => "name",
        Action::Upload => "push",
        Action::Write => "write",
        Action::Read => "read",
    };
    set(&object, "id", &id.into());
    set(&object, "action", &action.into());
    set(&object, "subject", &subject.into());
    set(&object, "done", &(done as f64).into());
    target.iter().for_each(|target| set(&object, "target", &target.into()));
    total.iter().for_each(|total| set(&object, "total", &(*total as f64).into()));
    let ended = match outcome {
        None => return object.into(),
        Some(Outcome::Done) => "done",
        Some(Outcome::Stored) => "stored",
        Some(Outcome::Uploaded) => "uploaded",
        Some(Outcome::Mounted(from)) => {
            set(&object, "from", &from.into());
            "mounted"
        }
        Some(Outcome::AlreadyThere) => "already there",
    };
    set(&object, "outcome", &ended.into());
    object.into()
}
