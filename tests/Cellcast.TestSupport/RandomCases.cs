using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.TestSupport;

/// <summary>Properties are checked on random cases, the same in every run; with other ones where <c>CELLCAST_SEED</c> is a number, for whoever looks for what the usual ones miss.</summary>
public static class RandomCases
{
    private static readonly ulong s_seed = ulong.TryParse(Environment.GetEnvironmentVariable("CELLCAST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) ? seed : 1;

    /// <summary>Checks a property; fails with the smallest case that breaks it.</summary>
    /// <param name="cases">Number of cases.</param>
    /// <param name="property">The property.</param>
    public static void Check(int cases, Property property) =>
        // The second number must be odd.
        property.Check(Config.QuickThrowOnFailure.WithMaxTest(cases).WithReplay(s_seed, 0x9e3779b97f4a7c15));

    /// <inheritdoc cref="Check"/>
    public static void CheckOnRandomCases(this Property property, int cases = 100) => Check(cases, property);
}
