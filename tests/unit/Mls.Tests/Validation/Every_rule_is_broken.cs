using System.Text.RegularExpressions;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Every rule has code that checks it and a test that breaks it. The cases that are counted here are those that the
/// tests run, not a list beside them.
/// </summary>
public class Every_rule_is_broken
{
    private static readonly ILookup<string, (Type Class, Broken Case)> s_cases = BrokenRules
        .In(typeof(Every_rule_is_broken).Assembly)
        .ToLookup(item => item.Case.Rule.Id);

    [Fact]
    public void By_a_case_that_asserts_it() => Assert.Empty(Rules.All.Keys.Where(id => !s_cases.Contains(id)).Order());

    [Fact]
    public void And_has_its_place_among_what_the_RFC_demands_and_what_OpenMLS_lists()
    {
        string[] RulesIn(string[] row) =>
            row[2].StartsWith("none: ", StringComparison.Ordinal)
                ? []
                : [.. Regex.Matches(row[2], "`([^`]*)`").Select(match => match.Groups[1].Value)];
        var (demands, list) = (
            ValidationTable.RowsOf("What RFC 9420 demands"),
            ValidationTable.RowsOf("OpenMLS's list of validation rules")
        );
        var known = ValidationTable
            .RowsOf("Rules of the delivery service")
            .Select(row => row[1].Trim('`'))
            .Concat(Rules.All.Keys)
            .ToHashSet();
        Assert.All(
            demands.Concat(list),
            row => Assert.True(row[2].StartsWith("none: ", StringComparison.Ordinal) || RulesIn(row).Length > 0, row[1])
        );
        Assert.Empty(demands.Concat(list).SelectMany(RulesIn).Except(known));
        Assert.Empty(Rules.All.Keys.Except(demands.SelectMany(RulesIn)));
        Assert.Equal(
            [13, 5, 12, 8, 1, 1, 1, 3, 1, 1, 1, 9, 7, 14, 4, 4],
            list.GroupBy(row => row[0][..6]).Select(numbers => numbers.Count())
        );
    }

    [Fact, Trait("Category", "Tables")]
    public void And_stands_in_the_documentation()
    {
        var uses = ValidationTable.Uses("src/Mls", nameof(Rules));
        var rules = ValidationTable.RulesOf(typeof(Rules));
        Assert.Empty(rules.Where(item => !uses.Contains(item.Field)).Select(item => item.Rule.Id));
        ValidationTable.WriteOrCompare(
            "Rules of RFC 9420",
            """
            Code is below `src/Mls`, tests are cases of the classes in `tests/unit/Mls.Tests/Validation`.

            | § | rule | what is required | checked in | broken by |
            |---|---|---|---|---|

            """
                + string.Concat(
                    rules.Select(item =>
                        ValidationTable.Row(
                            [item.Rule.Section],
                            [$"`{item.Rule.Id}`"],
                            [item.Rule.Requirement],
                            uses[item.Field],
                            s_cases[item.Rule.Id]
                                .GroupBy(broken => broken.Class.Name)
                                .Select(cases =>
                                    $"{cases.Key}: {string.Join("; ", cases.Select(broken => broken.Case.Name))}"
                                )
                        )
                    )
                )
        );
    }
}
