using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>One way to break one rule: everything is right but one thing.</summary>
/// <param name="Rule">The rule that must be the answer.</param>
/// <param name="Name">What is wrong, in a few words; unique for the rule within its class.</param>
/// <param name="Prepare">Builds the broken input and its control.</param>
public sealed record Broken(Rule Rule, string Name, Func<Attempt> Prepare)
{
    public string Title => $"{Rule.Id}: {Name}";
}

/// <summary>An input that breaks a rule, beside the control that differs from it in that one thing.</summary>
/// <param name="Break">Gives the broken input to the code under test, and does nothing else.</param>
/// <param name="Control">Gives the control; returns if it is accepted.</param>
/// <param name="State">All that a refusal must leave as it was.</param>
public sealed record Attempt(Action Break, Action Control, Func<byte[]> State)
{
    /// <summary>Of a function that keeps nothing.</summary>
    public Attempt(Action broken, Action control)
        : this(broken, control, () => []) { }
}

/// <summary>A class of tests whose cases the tables of rules can read.</summary>
public interface IBreaksRules
{
    static abstract IReadOnlyList<Broken> Cases { get; }
}

/// <summary>
/// Runs the cases of a class. The broken input must be refused with exactly its rule and without any effect, and the
/// control must be accepted afterwards.
/// </summary>
public abstract class Breaking<TSelf>
    where TSelf : Breaking<TSelf>, IBreaksRules
{
#pragma warning disable CA1000 // xunit reads the data of a theory from a static member
    public static TheoryData<string> Titles => [.. TSelf.Cases.Select(broken => broken.Title)];
#pragma warning restore CA1000

    [Theory, MemberData(nameof(Titles))]
    public void Refused_with_its_rule_and_without_effect(string title)
    {
        var broken = TSelf.Cases.Single(item => item.Title == title);
        var attempt = broken.Prepare();
        var before = attempt.State();
        var refused = Assert.Throws<MlsException>(attempt.Break);
        Assert.Equal(broken.Rule.Id, refused.Rule.Id);
        Assert.Equal(before, attempt.State());
        attempt.Control();
    }
}
