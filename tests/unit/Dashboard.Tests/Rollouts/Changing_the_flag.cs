using AngleSharp.Dom;
using Bunit;
using MlsConsole.Core;
using MlsConsole.Core.Rollouts;
using MlsConsole.Dashboard.Rollouts;

namespace MlsConsole.Dashboard.Tests;

public class Changing_the_flag : BunitContext
{
    private static readonly FlagView s_on = new(
        FlagState.On,
        100,
        1,
        DateTimeOffset.UnixEpoch,
        "first state",
        "configuration"
    );

    private const StringSplitOptions TrimmedWords = StringSplitOptions.RemoveEmptyEntries;

    private readonly List<FlagChange> _changes = [];

    private IRenderedComponent<FlagForm> Form(
        FlagView current,
        Action<FlagChange>? onChange = null,
        ConsoleRole role = ConsoleRole.Admin
    ) =>
        Render<FlagForm>(parameters =>
            parameters
                .Add(form => form.Current, current)
                .Add(form => form.Role, role)
                .Add(form => form.Reach, "version 1, in force on 1 of 1 host")
                .Add(
                    form => form.OnChange,
                    change =>
                    {
                        onChange?.Invoke(change);
                        _changes.Add(change);
                    }
                )
        );

    private static IElement By(IRenderedComponent<FlagForm> form, string id) => form.Find($"[data-testid={id}]");

    [Fact]
    public void A_reason_is_required_and_the_change_must_be_confirmed()
    {
        var form = Form(s_on);
        Assert.Equal("on for everyone", By(form, "flag-now").TextContent);
        Assert.True(By(form, "flag-apply").HasAttribute("disabled"));
        Assert.Equal("A reason is required.", form.Find(".hint").TextContent);
        By(form, "flag-reason").Input("  ");
        Assert.True(By(form, "flag-apply").HasAttribute("disabled"));
        By(form, "flag-reason").Input(" too many mismatches ");
        By(form, "flag-apply").Click();
        Assert.Empty(_changes);
        Assert.Contains(
            "Turn external commits off for everyone instead of on for everyone?",
            form.Find(".confirm").TextContent,
            StringComparison.Ordinal
        );
        By(form, "flag-confirm").Click();
        Assert.Equal([new(FlagState.Off, 0, "too many mismatches", 1)], _changes);
    }

    [Fact]
    public void The_form_offers_what_the_role_may()
    {
        FlagView half = s_on with { State = FlagState.Percentage, Percentage = 50 };
        var viewer = Form(half, role: ConsoleRole.Viewer);
        Assert.True(viewer.Find("fieldset").HasAttribute("disabled"));
        Assert.Equal("Your role only looks.", viewer.Find(".hint").TextContent);

        foreach (ConsoleRole role in (ConsoleRole[])[ConsoleRole.Operator, ConsoleRole.Approver])
        {
            var form = Form(half, role: role);
            By(form, "flag-reason").Input("a reason");
            form.Find("input[value=Percentage]").Change("Percentage");
            By(form, "flag-percentage").Input("51");
            Assert.Equal(role == ConsoleRole.Operator, By(form, "flag-apply").HasAttribute("disabled"));
            By(form, "flag-percentage").Input("49");
            Assert.False(By(form, "flag-apply").HasAttribute("disabled"));
        }
    }

    [Fact]
    public void A_percentage_is_0_to_100()
    {
        var form = Form(s_on);
        form.Find("input[value=Percentage]").Change("Percentage");
        By(form, "flag-reason").Input("first stage");
        By(form, "flag-percentage").Input("150");
        Assert.Equal("A percentage is 0 to 100.", form.Find(".hint").TextContent);
        Assert.True(By(form, "flag-apply").HasAttribute("disabled"));
        By(form, "flag-percentage").Input("25");
        By(form, "flag-apply").Click();
        By(form, "flag-confirm").Click();
        Assert.Equal([new(FlagState.Percentage, 25, "first stage", 1)], _changes);
    }

    [Fact]
    public void The_state_that_it_has_is_no_change()
    {
        var form = Form(s_on);
        form.Find("input[value=On]").Change("On");
        By(form, "flag-reason").Input("again");
        Assert.Equal("That is its state already.", form.Find(".hint").TextContent);
        Assert.True(By(form, "flag-apply").HasAttribute("disabled"));
    }

    [Fact]
    public void Cancelling_changes_nothing_and_a_failed_write_is_said()
    {
        var form = Form(s_on, _ => throw new InvalidOperationException("disk full"));
        By(form, "flag-reason").Input("x");
        By(form, "flag-apply").Click();
        form.FindAll(".confirm button")[1].Click();
        Assert.Empty(form.FindAll(".confirm"));
        By(form, "flag-apply").Click();
        By(form, "flag-confirm").Click();
        Assert.Contains("the flag is as it was", form.Find(".outcome.bad").TextContent, StringComparison.Ordinal);
        Assert.Empty(_changes);
    }

    [Fact]
    public void A_reason_may_be_as_long_as_the_flag_takes_it() =>
        Assert.Equal($"{ExternalCommitsFlag.MaxReasonLength}", By(Form(s_on), "flag-reason").GetAttribute("maxlength"));

    [Fact]
    public void A_refusal_is_shown_with_its_reason_and_not_as_a_failed_write()
    {
        var refusal = new Refusal("InvalidRequest", "A change of the flag needs a reason of at most 500 characters.");
        var form = Form(s_on, _ => throw new RefusedException(refusal));
        By(form, "flag-reason").Input("x");
        By(form, "flag-apply").Click();
        By(form, "flag-confirm").Click();
        Assert.Equal(
            "The change was refused: A change of the flag needs a reason of at most 500 characters.",
            form.Find(".outcome.bad").TextContent.Trim()
        );
        Assert.Equal("x", By(form, "flag-reason").GetAttribute("value"));
        Assert.Empty(_changes);
    }

    [Fact]
    public void A_change_that_another_author_has_overtaken_says_what_that_author_did_and_asks_again()
    {
        FlagView other = new(
            FlagState.Percentage,
            10,
            2,
            new(2026, 3, 1, 12, 30, 5, TimeSpan.Zero),
            "<b>first stage</b>",
            "ben"
        );
        List<FlagChange> tried = [];
        var form = Form(
            s_on,
            change =>
            {
                tried.Add(change);
                if (change.SeenVersion == 1)
                    throw new FlagOvertakenException(other);
            }
        );
        By(form, "flag-reason").Input("trouble");
        By(form, "flag-apply").Click();
        By(form, "flag-confirm").Click();
        Assert.Empty(_changes);
        string said = string.Join(' ', By(form, "flag-overtaken").TextContent.Split((char[]?)null, TrimmedWords));
        Assert.Equal(
            "Nothing is changed yet: ben has set it to on for 10 % at 2026-03-01 12:30:05 UTC "
                + "(“<b>first stage</b>”, version 2).",
            said
        );
        Assert.Contains(
            "Turn external commits off for everyone instead of on for 10 %?",
            form.Find(".confirm").TextContent,
            StringComparison.Ordinal
        );
        By(form, "flag-confirm").Click();
        Assert.Equal([new(FlagState.Off, 0, "trouble", 1), new(FlagState.Off, 0, "trouble", 2)], tried);
        Assert.Equal(tried[1..], _changes);
        Assert.Empty(form.FindAll(".confirm"));
    }

    [Theory]
    [InlineData(7, new[] { "a", "b" }, 400, new[] { "a", "b" }, "version 7, in force on 2 of 2 hosts after 0.4 s")]
    [InlineData(7, new[] { "a" }, 40, new[] { "a", "b" }, "version 7, in force on 1 of 2 hosts after 0.0 s")]
    [InlineData(7, new[] { "a", "gone" }, null, new[] { "a" }, "version 7, in force on 1 of 1 host")]
    [InlineData(7, new[] { "a" }, null, new string[0], "version 7, in force on 1 of 1 host")]
    [InlineData(6, new[] { "a" }, 400, new[] { "a" }, "version 7")]
    public void How_far_a_version_has_got_is_said_in_words(
        long propagated,
        string[] hosts,
        int? milliseconds,
        string[] running,
        string words
    )
    {
        TimeSpan? after = milliseconds is { } some ? TimeSpan.FromMilliseconds(some) : null;
        Assert.Equal(words, PropagationWords.Of(7, new(propagated, hosts, after), running));
    }
}
