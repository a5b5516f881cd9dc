use jiff::civil::Time;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use rhai::{Dynamic, Engine, INT, Map, NativeCallContext};
use rhai_dispatcher_engine::{FunctionDoc, TaskContext, script_call};

use crate::argument::Argument;
use crate::error::{Answer, StdlibError};

pub(crate) const DOCS: &[FunctionDoc] = &[
    FunctionDoc::new(
        "now",
        &["now()"],
        "The time, in milliseconds since 1970-01-01T00:00:00Z. Times are such whole numbers everywhere, so an hour later is \
         `now() + 3_600_000`. It is the clock of the worker's machine.",
    )
    .example("now() > 1_600_000_000_000", "true"),
    FunctionDoc::new(
        "format_time",
        &["format_time(time)", "format_time(time, format)", "format_time(time, format, zone)"],
        "A time as text: by default in UTC as RFC 3339 has it, such as `2024-07-01T12:30:00Z`. The format has the directives \
         of `strftime`: `%Y` year, `%m` month, `%d` day, `%H` hour, `%M` minute, `%S` second, `%3f` milliseconds, `%A` \
         weekday, `%B` month's name, `%j` day of the year, `%:z` offset, `%Z` zone. The zone is a name of the IANA \
         database, such as `Europe/Berlin`, or an offset, such as `+02:00`; by default `UTC`. The database is a part of \
         the program.",
    )
    .errors(
        "`time` is outside the years -9999 to 9999, `format` has an unknown directive or more than 256 bytes, or `zone` is \
         unknown.",
    )
    .example("format_time(1719837000000, \"%d.%m.%Y %H:%M\", \"Europe/Berlin\")", "\"01.07.2024 14:30\""),
    FunctionDoc::new(
        "parse_time",
        &["parse_time(text)", "parse_time(text, format)", "parse_time(text, format, zone)"],
        "The time of a text: by default one with an offset, as RFC 3339 has it. With a format, see `format_time`, a text \
         without an offset is of the zone, by default `UTC`; one without a time of day is of midnight. What is below a \
         millisecond is dropped.",
    )
    .errors("`text` does not fit the format, names a time that does not exist, or has more than 256 bytes.")
    .example("parse_time(\"2024-07-01\", \"%Y-%m-%d\", \"Europe/Berlin\")", "1719784800000"),
    FunctionDoc::new(
        "time_parts",
        &["time_parts(time)", "time_parts(time, zone)"],
        "A time as an object map of whole numbers: `year`, `month` (1 to 12), `day`, `hour`, `minute`, `second`, \
         `millisecond`, `weekday` (1 is Monday, 7 Sunday), `day_of_year` (from 1) and `offset` (seconds east of UTC). The \
         zone is by default `UTC`.",
    )
    .errors("`time` is outside the years -9999 to 9999, or `zone` is unknown.")
    .example("let t = time_parts(1719837000000); [t.year, t.month, t.weekday]", "[2024,7,1]"),
];

/// The longest format, and the longest text that is parsed, in bytes. A directive becomes at most 255 characters.
const MAX_FORMAT: usize = 256;
/// The longest name of a zone, in bytes.
const MAX_ZONE: usize = 64;

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("now", now);
    engine.register_fn("format_time", |context: NativeCallContext<'_>, time: Dynamic| {
        script_call(&context, || -> Answer<String> {
            Ok(Argument::new("format_time", "time", &time).timestamp()?.to_string())
        })
    });
    engine.register_fn("format_time", |context: NativeCallContext<'_>, time: Dynamic, format: Dynamic| {
        script_call(&context, || format_time(&time, &format, None))
    });
    engine.register_fn(
        "format_time",
        |context: NativeCallContext<'_>, time: Dynamic, format: Dynamic, zone: Dynamic| {
            script_call(&context, || format_time(&time, &format, Some(&zone)))
        },
    );
    engine.register_fn("parse_time", |context: NativeCallContext<'_>, text: Dynamic| {
        script_call(&context, || -> Answer<INT> { Ok(parse_rfc_3339(&text)?) })
    });
    engine.register_fn("parse_time", |context: NativeCallContext<'_>, text: Dynamic, format: Dynamic| {
        script_call(&context, || parse_time(&text, &format, None))
    });
    engine.register_fn(
        "parse_time",
        |context: NativeCallContext<'_>, text: Dynamic, format: Dynamic, zone: Dynamic| {
            script_call(&context, || parse_time(&text, &format, Some(&zone)))
        },
    );
    engine.register_fn("time_parts", |context: NativeCallContext<'_>, time: Dynamic| {
        script_call(&context, || time_parts(&time, None))
    });
    engine.register_fn("time_parts", |context: NativeCallContext<'_>, time: Dynamic, zone: Dynamic| {
        script_call(&context, || time_parts(&time, Some(&zone)))
    });
}

/// The time by the clock of the task's transport, which tests can set.
fn now() -> INT {
    let millis = TaskContext::current().map(|task| task.clock().wall().as_millis());
    millis.and_then(|millis| INT::try_from(millis).ok()).unwrap_or_else(|| Timestamp::now().as_millisecond())
}

fn format_time(time: &Dynamic, format: &Dynamic, zone: Option<&Dynamic>) -> Answer<String> {
    const NAME: &str = "format_time";
    let time = zoned(NAME, time, zone)?;
    let format = Argument::new(NAME, "format", format);
    let text = format.short_text(MAX_FORMAT)?;
    Ok(strtime::format(text.as_str(), &time).map_err(|error| format.problem(error))?)
}

fn parse_rfc_3339(text: &Dynamic) -> Result<INT, StdlibError> {
    let argument = Argument::new("parse_time", "text", text);
    let text = argument.short_text(MAX_FORMAT)?;
    let time: Timestamp = text.parse().map_err(|error| {
        argument.problem(format_args!(
            "{error}; give a time with an offset, such as 2024-07-01T12:30:00Z, or a format"
        ))
    })?;
    Ok(time.as_millisecond())
}

fn parse_time(text: &Dynamic, format: &Dynamic, zone: Option<&Dynamic>) -> Answer<INT> {
    const NAME: &str = "parse_time";
    let (argument, format) = (Argument::new(NAME, "text", text), Argument::new(NAME, "format", format));
    let zone = time_zone(NAME, zone)?;
    let (text, format) = (argument.short_text(MAX_FORMAT)?, format.short_text(MAX_FORMAT)?);
    let problem = |error: jiff::Error| argument.problem(format_args!("{error} (the format is {format:?})"));
    let parsed = BrokenDownTime::parse(format.as_str(), text.as_str()).map_err(problem)?;
    if parsed.offset().is_some() || parsed.timestamp().is_some() {
        return Ok(parsed.to_timestamp().map_err(problem)?.as_millisecond());
    }
    let date = parsed.to_date().map_err(problem)?;
    let time = match parsed.hour() {
        Some(_) => parsed.to_time().map_err(problem)?,
        None => Time::midnight(),
    };
    let time = date.to_datetime(time).to_zoned(zone).map_err(problem)?;
    Ok(time.timestamp().as_millisecond())
}

fn time_parts(time: &Dynamic, zone: Option<&Dynamic>) -> Answer<Map> {
    let time = zoned("time_parts", time, zone)?;
    let parts: [(&str, INT); 10] = [
        ("year", time.year().into()),
        ("month", time.month().into()),
        ("day", time.day().into()),
        ("hour", time.hour().into()),
        ("minute", time.minute().into()),
        ("second", time.second().into()),
        ("millisecond", time.millisecond().into()),
        ("weekday", time.weekday().to_monday_one_offset().into()),
        ("day_of_year", time.day_of_year().into()),
        ("offset", time.offset().seconds().into()),
    ];
    Ok(parts.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

fn zoned(function: &'static str, time: &Dynamic, zone: Option<&Dynamic>) -> Result<Zoned, StdlibError> {
    Ok(Argument::new(function, "time", time).timestamp()?.to_zoned(time_zone(function, zone)?))
}

fn time_zone(function: &'static str, zone: Option<&Dynamic>) -> Result<TimeZone, StdlibError> {
    let Some(zone) = zone else { return Ok(TimeZone::UTC) };
    let argument = Argument::new(function, "zone", zone);
    let name = argument.short_text(MAX_ZONE)?;
    if let Some(offset) = offset(&name) {
        return Ok(TimeZone::fixed(offset));
    }
    // The compiled-in zone database, not that of the system, so that all workers return the same results.
    TimeZoneDatabase::bundled().get(&name).map_err(|_| {
        argument.problem(format_args!(
            "{name:?} is not a time zone; give a name such as Europe/Berlin or UTC, or an offset such as +02:00"
        ))
    })
}

/// An offset such as `+02:00`.
fn offset(text: &str) -> Option<Offset> {
    let parsed = BrokenDownTime::parse("%:z", text).ok()?;
    parsed.offset()
}

impl Argument<'_> {
    fn timestamp(&self) -> Result<Timestamp, StdlibError> {
        let millis = self.int()?;
        Timestamp::from_millisecond(millis).map_err(|_| {
            self.problem(format_args!(
                "it is {millis}, outside the years -9999 to 9999; give milliseconds since 1970"
            ))
        })
    }
}
