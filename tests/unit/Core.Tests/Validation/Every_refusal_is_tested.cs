using System.Reflection;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Every delivery rule and every other refusal has code that gives it and a case that asserts it; docs/validation.md
/// lists them.
/// </summary>
public class Every_refusal_is_tested
{
    private static readonly ILookup<string, Breaking_delivery_rules.Refused> s_cases =
        Breaking_delivery_rules.Cases.ToLookup(item => item.Rule?.Id ?? item.Error);

    /// <summary>The refusals of <see cref="Refusal"/> but those that carry a rule.</summary>
    private static readonly IReadOnlyList<Refusal> s_refusals =
    [
        .. typeof(Refusal)
            .GetProperties(BindingFlags.Public | BindingFlags.Static)
            .Where(property => property.PropertyType == typeof(Refusal))
            .Select(property => (Refusal)property.GetValue(null)!)
            .Concat(
                typeof(Refusal)
                    .GetMethods(BindingFlags.Public | BindingFlags.Static)
                    .Where(method =>
                        method.ReturnType == typeof(Refusal)
                        && !method.IsSpecialName
                        && method.GetParameters().All(parameter => parameter.Name != "rule")
                    )
                    .Select(method =>
                        (Refusal)
                            method.Invoke(
                                null,
                                [
                                    .. method
                                        .GetParameters()
                                        .Select(parameter =>
                                            parameter.ParameterType == typeof(string)
                                                ? "What is wrong."
                                                : Activator.CreateInstance(parameter.ParameterType)
                                        ),
                                ]
                            )!
                    )
            )
            .OrderBy(refusal => refusal.Error, StringComparer.Ordinal),
    ];

    [Fact]
    public void By_a_case_that_asserts_it()
    {
        Assert.NotEmpty(s_refusals);
        Assert.Empty(
            ValidationTable
                .RulesOf(typeof(DeliveryRules))
                .Select(item => item.Rule.Id)
                .Concat(s_refusals.Select(refusal => refusal.Error))
                .Except(s_cases.Select(cases => cases.Key))
        );
    }

    [Fact, Trait("Category", "Tables")]
    public void And_stands_in_the_documentation()
    {
        var checks = ValidationTable.Uses("src/Core", nameof(DeliveryRules));
        var refusing = ValidationTable.Uses("src/Core", nameof(Refusal));
        var rules = ValidationTable.RulesOf(typeof(DeliveryRules));
        Assert.Empty(rules.Where(item => !checks.Contains(item.Field)).Select(item => item.Rule.Id));
        Assert.Empty(s_refusals.Where(refusal => !refusing.Contains(refusal.Error)).Select(refusal => refusal.Error));
        ValidationTable.WriteOrCompare(
            "Rules of the delivery service",
            "What RFC 9420 leaves to the application; sections are those that do. Code is below `src/Core`, tests are "
                + "cases of `tests/unit/Core.Tests/Validation/Breaking_delivery_rules.cs`."
                + """


                | § | rule | error | what is required | checked in | broken by |
                |---|---|---|---|---|---|

                """
                + string.Concat(
                    rules.Select(item =>
                        ValidationTable.Row(
                            [item.Rule.Section],
                            [$"`{item.Rule.Id}`"],
                            Cases(item.Rule.Id).Select(broken => broken.Error).Distinct(),
                            [item.Rule.Requirement],
                            checks[item.Field],
                            [Names(item.Rule.Id)]
                        )
                    )
                )
                + """

                Refusals that are no matter of a rule:

                | error | what it says | given by | caused by |
                |---|---|---|---|

                """
                + string.Concat(
                    s_refusals.Select(refusal =>
                        ValidationTable.Row(
                            [refusal.Error],
                            [refusal.Message],
                            refusing[refusal.Error],
                            [Names(refusal.Error)]
                        )
                    )
                )
        );
    }

    private static IEnumerable<Breaking_delivery_rules.Refused> Cases(string id) => s_cases[id];

    private static string Names(string id) => string.Join("; ", s_cases[id].Select(broken => broken.Name));
}
