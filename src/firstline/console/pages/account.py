"""One's own account: another password."""

from firstline.console.page import page
from firstline.console.passwords import hash_password, is_password, require_fit
from firstline.console.refusals import refusal_sentence, require_same
from firstline.console.visit import Answer, Visit
from firstline.errors import UserRefused
from firstline.store.database import writing
from firstline.store.key import open_key
from firstline.store.sign_ins import begin_trial, trial_succeeded
from firstline.store.users import read_user, set_password


@page("/account", role="annotator")
def account(visit: Visit) -> Answer:
    """The form for another password."""
    return visit.render("account.html.jinja", refused="", is_done=visit.query.get("done") == "password")


@page("/account/password", role="annotator", method="POST", lane="sign_in")
def change_password(visit: Visit) -> Answer:
    """Change one's own password, and end one's sessions; this browser gets a new one."""
    name, place = visit.person.name, visit.place
    with writing(place.database) as connection:
        trial = begin_trial(connection, open_key(place.folder, connection).secret, name, visit.address)
        stored = read_user(connection, name).password_hash
    try:
        if trial.wait_s or not is_password(stored, visit.form.get("password")):
            raise UserRefused("password_wrong", "The present password is not right.", "Enter it again.")
        with writing(place.database) as connection:
            trial_succeeded(connection, trial)
        password = visit.form.get("new")
        require_same(password, visit.form.get("again"))
        require_fit(password, name)
    except UserRefused as error:
        return visit.render("account.html.jinja", 422, refused=refusal_sentence(visit, error), is_done=False)
    new_hash = hash_password(password)
    with writing(place.database) as connection:
        set_password(connection, name, new_hash)
    token = visit.console.sessions.begin(visit.person.id)
    cookie = visit.console.cookies.set_session(token, is_secure=visit.is_secure)
    return visit.go_to("/account?done=password").with_cookies(cookie)
