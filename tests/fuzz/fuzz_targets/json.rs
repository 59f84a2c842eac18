//! The strict reader takes less than another one does, never something else; the writer keeps what a text means.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocix_core::documents::json::Value;
use ocix_core::documents::read::{self, MAX_DEPTH};

fuzz_target!(|data: &[u8]| {
    let other = serde_json::from_slice::<serde_json::Value>(data);
    let Ok(object) = read::document(data, "document") else { return };
    // Its own limit on depth is at 127 levels.
    let Ok(other) = other else {
        let open = data.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
        assert!(open >= MAX_DEPTH - 1, "the other reader refuses it");
        return;
    };
    let other_object = other.as_object().expect("an object");
    assert_eq!(object.members().count(), other_object.len(), "a name stands twice");
    for (name, raw) in object.members() {
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(raw.get()).ok().as_ref(),
            other_object.get(name),
            "{name}"
        );
        assert_eq!(object.text(name).is_ok_and(|text| text.is_some()), other[name].is_string());
        if let Ok(Some(size)) = object.size(name) {
            assert_eq!(other[name].as_u64(), Some(size));
        }
        if let Ok(Some(inner)) = object.object(name) {
            assert_eq!(inner.members().count(), other[name].as_object().map_or(0, serde_json::Map::len));
        }
    }
    let text = std::str::from_utf8(data).expect("it was read");
    let (compact, indented) = (Value::Raw(text).compact(), Value::Raw(text).indented());
    for written in [&compact, &indented] {
        let again: serde_json::Value = serde_json::from_str(written).expect("what is written is JSON");
        assert_eq!(again, other);
        assert_eq!(Value::Raw(written).compact(), compact);
    }
});
