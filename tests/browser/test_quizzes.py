"""A quiz works by keyboard, without scripts, and stays off paper."""

import pytest

PAGE = "book/09-six-equations.html"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_choice_opens_by_keyboard(site, context, scripts):
    page = context(java_script_enabled=scripts).new_page()
    page.goto(f"{site.as_uri()}/{PAGE}")
    quiz = page.locator("details.quiz")
    choice = quiz.locator(".choices details").first
    assert not choice.is_visible()
    quiz.locator("summary").first.press("Enter")
    assert choice.is_visible()
    assert not choice.locator("p").is_visible()
    choice.locator("summary").press("Space")
    assert choice.locator("p").inner_text().startswith(("Right. ", "Wrong. "))


def test_each_question_has_one_right_choice(site, context):
    page = context().new_page()
    page.goto(f"{site.as_uri()}/{PAGE}")
    questions = page.locator("details.quiz .choices").all()
    assert len(questions) >= 6
    for question in questions:
        texts = question.locator("details p").all_text_contents()
        assert len([text for text in texts if text.startswith("Right.")]) == 1


def test_a_quiz_is_not_printed(site, context):
    page = context().new_page()
    page.goto(f"{site.as_uri()}/{PAGE}")
    assert page.locator("details.quiz").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("details.quiz").is_visible()
