namespace Cellcast.Survival;

/// <summary>Kaplan-Meier estimate G(t) of not being censored by a time: what weights of inverse probability of censoring are made of. Of deaths and censorings at the same
/// time the deaths come first, so those who die at a time are not at risk of being censored at it.</summary>
internal sealed class CensoringCurve
{
    private readonly double[] _time;
    private readonly double[] _value;

    private CensoringCurve(double[] time, double[] value) => (_time, _value) = (time, value);

    internal static CensoringCurve Estimate(SurvivalData data)
    {
        if (!data.Entry.IsEmpty) throw new SurvivalDataException("weights of inverse probability of censoring are not available for subjects that enter late: leave the entry times out of the evaluation");
        var deaths = KaplanMeier.Estimate(data);
        var time = new List<double>();
        var value = new List<double>();
        double g = 1;
        for (int k = 0; k < deaths.Time.Count; k++)
        {
            if (deaths.Censored[k] == 0) continue;
            double atRisk = deaths.NumberAtRisk[k] - deaths.Events[k];
            bool last = k == deaths.Time.Count - 1;
            g = last ? 0 : g * (1 - deaths.Censored[k] / atRisk);
            time.Add(deaths.Time[k]);
            value.Add(g);
        }
        return new CensoringCurve([.. time], [.. value]);
    }

    /// <summary>Probability of not being censored up to and including a time.</summary>
    internal double At(double time) => Value(Array.BinarySearch(_time, time) is var k && k >= 0 ? k : ~k - 1);

    /// <summary>Probability of not being censored before a time.</summary>
    internal double Before(double time) => Value((Array.BinarySearch(_time, time) is var k && k >= 0 ? k : ~k) - 1);

    private double Value(int k) => k < 0 ? 1 : _value[k];
}
