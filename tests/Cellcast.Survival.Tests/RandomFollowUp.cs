using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Survival.Tests;

/// <summary>A random cohort: few or many ties, any share of censoring, optional weights, strata and entry times, a scale of linear predictors.</summary>
internal sealed record Cohort(SurvivalData Data, double[] Eta, TieMethod Ties, int Seed)
{
    public override string ToString() => $"seed {Seed}, n {Data.Count}, {Data.EventCount} events, {Ties}";

    public static Cohort Create(int seed, double etaScale = 0)
    {
        var random = new Random(seed);
        int n = random.Next(2, 60), distinct = random.Next(1, 30);
        double censored = random.NextDouble() * 0.9, scale = etaScale > 0 ? etaScale : Math.Pow(10, random.Next(-1, 3));
        var time = new double[n];
        var events = new bool[n];
        var eta = new double[n];
        double[]? weight = random.Next(3) == 0 ? new double[n] : null;
        int[]? stratum = random.Next(3) == 0 ? new int[n] : null;
        double[]? entry = random.Next(3) == 0 ? new double[n] : null;
        for (int i = 0; i < n; i++)
        {
            time[i] = 1 + random.Next(distinct);
            events[i] = random.NextDouble() >= censored;
            eta[i] = random.Next(6) == 0 ? scale : scale * (2 * random.NextDouble() - 1);
            if (weight is not null) weight[i] = random.Next(8) == 0 ? 0 : 0.2 + random.NextDouble();
            if (stratum is not null) stratum[i] = random.Next(3) * 7 - 3;
            if (entry is not null) entry[i] = random.Next(3) == 0 ? 0 : random.Next((int)time[i]);
        }
        events[0] = true;
        if (weight is not null) weight[0] = 1;
        return new Cohort(new SurvivalData(time, events, weight, stratum, entry), eta, random.Next(2) == 0 ? TieMethod.Efron : TieMethod.Breslow, seed);
    }

    /// <summary>Checks a property on many cohorts; the failing one's seed is in the message.</summary>
    public static void ForAll(Action<Cohort> property, double etaScale = 0, int count = 300) =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed => property(Create(seed, etaScale)))
            .CheckOnRandomCases(count);
}
