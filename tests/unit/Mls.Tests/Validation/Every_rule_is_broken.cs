using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>Every rule has code that checks it and a test that breaks it. What is counted here is what the tests assert: the same cases, not a list beside them.</summary>
public class Every_rule_is_broken
{
    private static readonly ILookup<string, (Type Class, Broken Case)> s_cases = BrokenRules.In(typeof(Every_rule_is_broken).Assembly).ToLookup(item => item.Case.Rule.Id);

    [Fact]
    public void By_a_case_that_asserts_it() => Assert.Empty(Rules.All.Keys.Where(id => !s_cases.Contains(id)).Order());

    [Fact, Trait("Category", "Tables")]
    public void And_stands_in_the_documentation()
    {
        var uses = ValidationTable.Uses("src/Mls", nameof(Rules));
        var rules = ValidationTable.RulesOf(typeof(Rules));
        Assert.Empty(rules.Where(item => !uses.Contains(item.Field)).Select(item => item.Rule.Id));
        ValidationTable.WriteOrCompare("Rules of RFC 9420", """
            Code is below `src/Mls`, tests are cases of the classes in `tests/unit/Mls.Tests/Validation`.

            | § | rule | what is required | checked in | broken by |
            |---|---|---|---|---|

            """ + string.Concat(rules.Select(item => ValidationTable.Row(
                [item.Rule.Section], [$"`{item.Rule.Id}`"], [item.Rule.Requirement], uses[item.Field],
                s_cases[item.Rule.Id].GroupBy(broken => broken.Class.Name).Select(cases => $"{cases.Key}: {string.Join("; ", cases.Select(broken => broken.Case.Name))}")))));
    }
}
