use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A member that is there, also if it is `null`; for `deserialize_with`, beside `default`.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
