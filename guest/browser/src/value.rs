//! Fields of JavaScript objects, read with errors that name the field.

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use ocix_core::error::{Code, Error, Fault, Result};

/// A field that is not what it should be: the caller's fault.
pub fn wrong(field: &str, what: &str) -> Error {
    Error::new(Fault::Request, Code::Malformed("job".into()), format!("`{field}` {what}"))
}

/// The field, `None` when it is missing, undefined or null.
pub fn field(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

/// A string.
pub fn text(object: &JsValue, name: &str) -> Result<Option<String>> {
    field(object, name).map(|value| value.as_string().ok_or_else(|| wrong(name, "is not a string"))).transpose()
}

/// What a string says.
pub fn parsed<T: std::str::FromStr<Err = Error>>(object: &JsValue, name: &str) -> Result<Option<T>> {
    text(object, name)?.map(|text| text.parse()).transpose()
}

/// A list of strings; empty when it is missing.
pub fn texts(object: &JsValue, name: &str) -> Result<Vec<String>> {
    let list = list(object, name)?.unwrap_or_default();
    list.iter().map(|text| text.as_string().ok_or_else(|| wrong(name, "has something that is no string"))).collect()
}

/// A whole number within JavaScript's safe ones.
pub fn whole(object: &JsValue, name: &str) -> Result<Option<i64>> {
    let safe = |number: &f64| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
    let read = |value: JsValue| {
        value.as_f64().filter(safe).map(|number| number as i64).ok_or_else(|| wrong(name, "is not a whole number"))
    };
    field(object, name).map(read).transpose()
}

/// A whole number from 0 on.
pub fn size(object: &JsValue, name: &str) -> Result<Option<u64>> {
    whole(object, name)?.map(|number| u64::try_from(number).map_err(|_| wrong(name, "is negative"))).transpose()
}

/// A whole number from 0 to 2^32 - 1.
pub fn count(object: &JsValue, name: &str) -> Result<Option<u32>> {
    whole(object, name)?.map(|number| u32::try_from(number).map_err(|_| wrong(name, "is out of range"))).transpose()
}

/// Whether the field is true.
pub fn truth(object: &JsValue, name: &str) -> bool {
    field(object, name).is_some_and(|value| value.is_truthy())
}

/// An array.
pub fn list(object: &JsValue, name: &str) -> Result<Option<Array>> {
    field(object, name).map(|value| value.dyn_into().map_err(|_| wrong(name, "is not an array"))).transpose()
}

/// The bytes of a `Uint8Array`.
pub fn bytes(object: &JsValue, name: &str) -> Result<Option<Vec<u8>>> {
    let read = |value: JsValue| {
        value.dyn_into::<Uint8Array>().map(|array| array.to_vec()).map_err(|_| wrong(name, "is not a Uint8Array"))
    };
    field(object, name).map(read).transpose()
}

/// Sets a field of an object that is ours.
pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    // Fails only on frozen objects and setters that throw, which ours are not.
    let _ = Reflect::set(object, &name.into(), value);
}
