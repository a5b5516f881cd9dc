use hmac::{Hmac, KeyInit, Mac};
use rhai::{Dynamic, Engine, NativeCallContext};
use rhai_dispatcher_engine::{FunctionDoc, script_call};
use sha2::{Digest, Sha256};

use crate::argument::Argument;
use crate::encoding::hex;
use crate::error::{Answer, StdlibError};

pub(crate) const DOCS: &[FunctionDoc] = &[
    FunctionDoc::new(
        "sha256",
        &["sha256(data)"],
        "The SHA-256 of a text or blob, as 64 hexadecimal digits. `hex_decode_blob` makes it a blob of 32 bytes.",
    )
    .errors("`data` is neither text nor blob.")
    .example("sha256(\"abc\")", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""),
    FunctionDoc::new(
        "hmac_sha256",
        &["hmac_sha256(key, data)"],
        "The HMAC-SHA-256 of a text or blob with a key, as 64 hexadecimal digits: the signature of many web hooks. The \
         key is a text, a blob or a secret.",
    )
    .errors("`key` or `data` is of another type. `data` can't be a secret.")
    .example(
        "hmac_sha256(\"Jefe\", \"what do ya want for nothing?\")",
        "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"",
    ),
];

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("sha256", |context: NativeCallContext<'_>, data: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let data = Argument::new("sha256", "data", &data).bytes()?;
            Ok(hex(&Sha256::digest(&*data)))
        })
    });
    engine.register_fn("hmac_sha256", |context: NativeCallContext<'_>, key: Dynamic, data: Dynamic| {
        script_call(&context, || -> Answer<String> {
            let (key, data) =
                (Argument::new("hmac_sha256", "key", &key), Argument::new("hmac_sha256", "data", &data));
            Ok(hmac_sha256(&key, &data)?)
        })
    });
}

fn hmac_sha256(key: &Argument<'_>, data: &Argument<'_>) -> Result<String, StdlibError> {
    // It takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.key()?).map_err(|error| key.problem(error))?;
    mac.update(&data.bytes()?);
    Ok(hex(&mac.finalize().into_bytes()))
}
