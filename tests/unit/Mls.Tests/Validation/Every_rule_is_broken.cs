using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>Every rule has a test that breaks it. What is counted here is what the tests assert: the same cases, not a list beside them.</summary>
public class Every_rule_is_broken
{
    [Fact]
    public void By_a_case_that_asserts_it()
    {
        var broken = BrokenRules.In(typeof(Every_rule_is_broken).Assembly).Select(item => item.Case.Rule.Id).ToHashSet();
        Assert.Empty(Rules.All.Keys.Where(id => !broken.Contains(id)).Order());
    }
}
