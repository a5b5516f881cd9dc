use std::convert::Infallible;
use std::future::Future;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use askama::Template;
use axum::http::header;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};

use super::{Notice, PageError, Shell, Visit, render};
use crate::core::Phase;

/// A page of which a part is kept current while it is looked at.
///
/// The same address answers with the whole page, or, if the request accepts events, with that part over and over.
pub(in crate::dashboard) trait LivePage: Send + Sized + 'static {
    /// What it shows.
    type View: Send + Sync;
    /// How often it is read: below the 8 s after which a page that hears nothing says so.
    const PERIOD: Duration = Duration::from_secs(2);

    /// Reads what it shows.
    fn read(&mut self, visit: &Visit) -> impl Future<Output = Result<Self::View, PageError>> + Send;

    /// The frame of the page.
    fn shell(&self, visit: &Visit, view: &Self::View) -> Shell;

    /// The whole page.
    fn page(shell: Shell, view: Self::View) -> impl Template;

    /// The part that changes.
    fn part<'a>(shell: &'a Shell, view: &'a Self::View) -> impl Template + 'a;

    /// Whether nothing changes any more.
    fn is_over(_view: &Self::View) -> bool {
        false
    }

    /// Resolves when it is time to read it again.
    fn changed(&mut self) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(Self::PERIOD)
    }
}

/// Answers a request for a page.
pub(in crate::dashboard) async fn live<P: LivePage>(
    visit: Visit,
    mut page: P,
) -> Result<Response, PageError> {
    if visit.wants_events {
        return Ok(events(visit, page));
    }
    let view = page.read(&visit).await?;
    let shell = page.shell(&visit, &view);
    render(&P::page(shell, view))
}

fn events<P: LivePage>(visit: Visit, page: P) -> Response {
    let (core, identity) = (visit.core.clone(), visit.identity.clone());
    let end = async move {
        // A page of a token that was revoked asks again, and is told.
        let ended = async {
            match &identity {
                Some(identity) => core.auth.ended(identity).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = core.reached(Phase::Draining) => {}
            () = ended => {}
        }
    };
    let parts = parts(visit, page).take_until(end);
    // A proxy that gathers what it passes on would keep the events back.
    (
        [(header::HeaderName::from_static("x-accel-buffering"), "no"), (header::VARY, "accept")],
        Sse::new(parts),
    )
        .into_response()
}

/// The events of a page. A `beat` tells that the page is current: one that gets none says that it is not.
fn parts<P: LivePage>(visit: Visit, page: P) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let begin = (visit, page, 0, false);
    stream::unfold(begin, |(visit, mut page, last, is_over)| async move {
        if is_over {
            return None;
        }
        page.changed().await;
        let (text, is_over) = match part(&mut page, &visit).await {
            Ok(part) => part,
            Err(error) => (error_part(&error), false),
        };
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        let mut events = Vec::new();
        if hash != last {
            // An event can't have a carriage return, and a text shows it as a sign.
            events.push(Ok(Event::default().data(text.replace('\r', ""))));
        }
        events.push(Ok(Event::default().event(if is_over { "over" } else { "beat" }).data("")));
        Some((stream::iter(events), (visit, page, hash, is_over)))
    })
    .flatten()
}

async fn part<P: LivePage>(page: &mut P, visit: &Visit) -> Result<(String, bool), PageError> {
    let view = page.read(visit).await?;
    let is_over = P::is_over(&view);
    let shell = page.shell(visit, &view);
    Ok((P::part(&shell, &view).render().map_err(PageError::render)?, is_over))
}

/// In place of figures that are not current any more.
fn error_part(error: &PageError) -> String {
    Notice::error(error).render().unwrap_or_default()
}
