namespace Cellcast.Survival;

/// <summary>What a cohort is modelled for.</summary>
public enum OutcomeKind
{
    /// <summary>Time to an event, possibly censored: partial likelihood.</summary>
    Survival,

    /// <summary>Yes or no: logistic likelihood.</summary>
    Binary,

    /// <summary>A number: normal likelihood.</summary>
    Continuous,
}

/// <summary>The outcome of n subjects, of whichever kind, with its likelihood.</summary>
public abstract class Outcome
{
    private protected Outcome() { }

    /// <summary>Which kind.</summary>
    public abstract OutcomeKind Kind { get; }

    /// <summary>Number of subjects.</summary>
    public abstract int Count { get; }

    /// <summary>How much there is to learn from: deaths, the rarer of yes and no, or subjects.</summary>
    public abstract int Information { get; }

    /// <summary>The chosen subjects, in the order given.</summary>
    /// <param name="subjects">Indices from 0; may repeat.</param>
    public abstract Outcome Subset(ReadOnlySpan<int> subjects);

    /// <summary>The same subjects, each counted so many times as the number says: its case weight times that number.</summary>
    /// <param name="times">One number per subject, finite and not negative.</param>
    public abstract Outcome Reweight(ReadOnlySpan<double> times);

    /// <summary>The likelihood of linear predictors; for a continuous outcome with the variance of the outcome itself, which a fit then replaces.</summary>
    /// <param name="ties">How tied deaths are treated, where there are deaths.</param>
    /// <exception cref="SurvivalDataException">There is nothing to learn from: no event, or all outcomes alike.</exception>
    public abstract ILikelihood CreateLikelihood(TieMethod ties = TieMethod.Efron);

    /// <summary>Survival.</summary>
    /// <param name="data">Follow-up.</param>
    public static Outcome Of(SurvivalData data) => new SurvivalOutcome(data);

    /// <summary>A binary outcome.</summary>
    /// <param name="values">The outcomes.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    public static Outcome Of(ReadOnlySpan<bool> values, ReadOnlySpan<double> weights = default) => new BinaryOutcome(values.ToArray(), weights.IsEmpty ? null : weights.ToArray());

    /// <summary>A continuous outcome.</summary>
    /// <param name="values">The outcomes.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    public static Outcome Of(ReadOnlySpan<double> values, ReadOnlySpan<double> weights = default) => new ContinuousOutcome(values.ToArray(), weights.IsEmpty ? null : weights.ToArray());

    private protected static double[] Multiply(ReadOnlySpan<double> weights, ReadOnlySpan<double> times, int count)
    {
        if (times.Length != count) throw new ArgumentException($"{count} subjects need as many numbers, not {times.Length}", nameof(times));
        double[] product = times.ToArray();
        for (int i = 0; i < weights.Length; i++) product[i] *= weights[i];
        return product;
    }

    private protected static T[]? Gather<T>(T[]? values, ReadOnlySpan<int> subjects)
    {
        if (values is null) return null;
        var chosen = new T[subjects.Length];
        for (int k = 0; k < chosen.Length; k++) chosen[k] = values[subjects[k]];
        return chosen;
    }
}

/// <summary>Time to an event.</summary>
/// <param name="data">Follow-up.</param>
public sealed class SurvivalOutcome(SurvivalData data) : Outcome
{
    /// <summary>Follow-up.</summary>
    public SurvivalData Data { get; } = data;

    /// <inheritdoc/>
    public override OutcomeKind Kind => OutcomeKind.Survival;

    /// <inheritdoc/>
    public override int Count => Data.Count;

    /// <inheritdoc/>
    public override int Information => Data.EventCount;

    /// <inheritdoc/>
    public override Outcome Subset(ReadOnlySpan<int> subjects) => new SurvivalOutcome(Data.Subset(subjects));

    /// <inheritdoc/>
    public override Outcome Reweight(ReadOnlySpan<double> times) => new SurvivalOutcome(new SurvivalData(Data.Time, Data.Event, Multiply(Data.Weights, times, Count), Data.Strata, Data.Entry));

    /// <inheritdoc/>
    public override ILikelihood CreateLikelihood(TieMethod ties = TieMethod.Efron) => new PartialLikelihood(Data, ties);
}

/// <summary>Yes or no.</summary>
/// <param name="values">The outcomes.</param>
/// <param name="weights">Case weights, or null for 1 each.</param>
public sealed class BinaryOutcome(bool[] values, double[]? weights = null) : Outcome
{
    /// <summary>The outcomes.</summary>
    public bool[] Values { get; } = values;

    /// <summary>Case weights, or null for 1 each.</summary>
    public double[]? Weights { get; } = weights;

    /// <inheritdoc/>
    public override OutcomeKind Kind => OutcomeKind.Binary;

    /// <inheritdoc/>
    public override int Count => Values.Length;

    /// <inheritdoc/>
    public override int Information => Math.Min(Values.Count(v => v), Values.Count(v => !v));

    /// <inheritdoc/>
    public override Outcome Subset(ReadOnlySpan<int> subjects) => new BinaryOutcome(Gather(Values, subjects)!, Gather(Weights, subjects));

    /// <inheritdoc/>
    public override Outcome Reweight(ReadOnlySpan<double> times) => new BinaryOutcome(Values, Multiply(Weights, times, Count));

    /// <inheritdoc/>
    public override ILikelihood CreateLikelihood(TieMethod ties = TieMethod.Efron) => new LogisticLikelihood(Values, Weights);
}

/// <summary>A number.</summary>
/// <param name="values">The outcomes.</param>
/// <param name="weights">Case weights, or null for 1 each.</param>
public sealed class ContinuousOutcome(double[] values, double[]? weights = null) : Outcome
{
    /// <summary>The outcomes.</summary>
    public double[] Values { get; } = values;

    /// <summary>Case weights, or null for 1 each.</summary>
    public double[]? Weights { get; } = weights;

    /// <inheritdoc/>
    public override OutcomeKind Kind => OutcomeKind.Continuous;

    /// <inheritdoc/>
    public override int Count => Values.Length;

    /// <inheritdoc/>
    public override int Information => Count;

    /// <inheritdoc/>
    public override Outcome Subset(ReadOnlySpan<int> subjects) => new ContinuousOutcome(Gather(Values, subjects)!, Gather(Weights, subjects));

    /// <inheritdoc/>
    public override Outcome Reweight(ReadOnlySpan<double> times) => new ContinuousOutcome(Values, Multiply(Weights, times, Count));

    /// <inheritdoc/>
    public override ILikelihood CreateLikelihood(TieMethod ties = TieMethod.Efron)
    {
        double total = 0, sum = 0, squares = 0;
        for (int i = 0; i < Count; i++)
        {
            double w = Weights?[i] ?? 1;
            total += w;
            sum += w * Values[i];
        }
        for (int i = 0; i < Count; i++) squares += (Weights?[i] ?? 1) * (Values[i] - sum / total) * (Values[i] - sum / total);
        if (!(squares > 0)) throw new SurvivalDataException($"all {Count} outcomes are alike: nothing can be explained");
        return new GaussianLikelihood(Values, squares / total, Weights);
    }
}
