using System.Numerics;

namespace Cellcast.Survival;

/// <summary>
/// The negative logarithm of Cox's partial likelihood as a function of the subjects' linear predictors, with its gradient and curvature.
/// Subjects are sorted and ties grouped once; an evaluation is O(n) (O(n log n) with entry times), allocates nothing, and stays finite for any finite linear predictors
/// (running log-sum-exp over the risk sets). Sources: Cox (1972, 1975), Breslow (1974), Efron (1977).
/// </summary>
/// <remarks>
/// With risk set R(t), deaths D(t), d = |D(t)|, weights w, r = w exp(eta):
/// value = sum over death times of [ m sum_{k=0}^{d-1} log(sum_R r - (k/d) sum_D r) - sum_D w eta ], m the mean weight of the deaths (Efron);
/// k = 0 throughout for Breslow. An instance holds scratch memory: use one per thread.
/// </remarks>
public sealed partial class PartialLikelihood : ILikelihood
{
    private readonly int _n;
    private readonly TieMethod _ties;
    private readonly LeftTruncatedRiskSets? _truncated; // takes everything over when there are entry times

    // Subjects that are at risk at some death time, by stratum, then time ascending; within a group deaths first.
    // Group g holds those whose time lies in [death time g, death time g + 1): they enter the risk set together.
    private readonly int[] _subject;
    private readonly int[] _outside;
    private readonly double[] _weight;
    private readonly int[] _start;
    private readonly int[] _deathEnd;
    private readonly double[] _deathTime;
    private readonly bool[] _opensStratum;

    // Scratch. Every r is stored relative to exp(shift of its group), the running maximum over the group's risk set.
    private readonly double[] _eta;
    private readonly double[] _risk;
    private readonly double[] _shift;
    private readonly double[] _riskSum;
    private readonly double[] _deathSum;
    private readonly double[] _hazard;
    private readonly double[] _tieHazard;
    private readonly double[] _scratch1;
    private readonly double[] _scratch2;

    /// <summary>Sorts the subjects and groups ties.</summary>
    /// <param name="data">Follow-up, with weights, strata and entry times if any.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <exception cref="SurvivalDataException">There is no event.</exception>
    public PartialLikelihood(SurvivalData data, TieMethod ties = TieMethod.Efron)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireEvents("the partial likelihood");
        _n = data.Count;
        _ties = ties;
        if (!data.Entry.IsEmpty) _truncated = new LeftTruncatedRiskSets(data, ties);
        int[] sorted = _truncated is not null ? [] : [.. Enumerable.Range(0, _n).Where(i => data.WeightOf(i) > 0)
            .OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => data.Event[i] ? 0 : 1).ThenBy(i => i)];

        var subject = new List<int>(_n);
        var start = new List<int>();
        var deathEnd = new List<int>();
        var deathTime = new List<double>();
        var opens = new List<bool>();
        int stratum = 0;
        bool fresh = true;
        for (int s = 0; s < sorted.Length; s++)
        {
            int i = sorted[s];
            if (s == 0 || data.StratumOf(i) != stratum)
            {
                stratum = data.StratumOf(i);
                fresh = true;
            }
            bool death = data.Event[i];
            if (death && (fresh || data.Time[i] != deathTime[^1]))
            {
                start.Add(subject.Count);
                deathEnd.Add(subject.Count);
                deathTime.Add(data.Time[i]);
                opens.Add(fresh);
                fresh = false;
            }
            if (fresh) continue; // censored before the stratum's first death: in no risk set
            subject.Add(i);
            if (death) deathEnd[^1] = subject.Count;
        }
        start.Add(subject.Count);

        _subject = [.. subject];
        _outside = [.. Enumerable.Range(0, _n).Except(subject)];
        _weight = [.. subject.Select(data.WeightOf)];
        _start = [.. start];
        _deathEnd = [.. deathEnd];
        _deathTime = [.. deathTime];
        _opensStratum = [.. opens];
        int m = _subject.Length, groups = _deathEnd.Length;
        _eta = new double[m];
        _risk = new double[m];
        _shift = new double[groups];
        _riskSum = new double[groups];
        _deathSum = new double[groups];
        _hazard = new double[groups];
        _tieHazard = new double[groups];
        _scratch1 = new double[groups];
        _scratch2 = new double[groups];
    }

    /// <summary>Number of subjects n.</summary>
    public int Count => _n;

    /// <summary>False: constants within a stratum cancel.</summary>
    public bool HasIntercept => false;

    /// <summary>How tied deaths are treated.</summary>
    public TieMethod Ties => _ties;

    /// <summary>Number of distinct death times, counted in each stratum.</summary>
    public int DeathTimeCount => DeathTimes.Length;

    /// <summary>The negative log partial likelihood.</summary>
    /// <param name="eta">Linear predictors, n values. NaN anywhere at risk gives NaN.</param>
    public double Evaluate(ReadOnlySpan<double> eta)
    {
        Load(eta);
        return Accumulate();
    }

    /// <inheritdoc cref="Evaluate(ReadOnlySpan{double})"/>
    public double Evaluate(ReadOnlySpan<float> eta)
    {
        Load(eta);
        return Accumulate();
    }

    /// <summary>The negative log partial likelihood and its gradient.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="gradient">Receives the derivative by each linear predictor, n values; 0 for subjects in no risk set.</param>
    public double Evaluate(ReadOnlySpan<double> eta, Span<double> gradient)
    {
        Load(eta);
        double value = Accumulate();
        Gradient(gradient);
        return value;
    }

    /// <inheritdoc cref="Evaluate(ReadOnlySpan{double}, Span{double})"/>
    public double Evaluate(ReadOnlySpan<float> eta, Span<float> gradient)
    {
        Load(eta);
        double value = Accumulate();
        Gradient(gradient);
        return value;
    }

    private void Load<T>(ReadOnlySpan<T> eta) where T : INumberBase<T>
    {
        if (eta.Length != _n) throw new ArgumentException($"there are {_n} subjects but {eta.Length} linear predictors", nameof(eta));
        if (_truncated is not null)
        {
            Span<double> to = _truncated.Eta;
            for (int i = 0; i < _n; i++) to[i] = double.CreateTruncating(eta[i]);
            return;
        }
        for (int s = 0; s < _subject.Length; s++) _eta[s] = double.CreateTruncating(eta[_subject[s]]);
    }

    /// <summary>From the last death time to the first: risk sums, hazard increments, and the value.</summary>
    private double Accumulate()
    {
        if (_truncated is not null) return _truncated.Accumulate();
        double value = 0, shift = double.NegativeInfinity, sum = 0;
        for (int g = _deathEnd.Length - 1; g >= 0; g--)
        {
            int from = _start[g], deaths = _deathEnd[g], to = _start[g + 1];
            double top = double.NegativeInfinity;
            for (int s = from; s < to; s++) top = Math.Max(top, _eta[s]);
            if (!(top <= shift)) // also when NaN, which then spreads
            {
                sum *= Math.Exp(shift - top);
                shift = top;
            }
            double tied = 0, others = 0, weight = 0;
            for (int s = from; s < deaths; s++)
            {
                double r = _weight[s] * Math.Exp(_eta[s] - shift);
                _risk[s] = r;
                tied += r;
                weight += _weight[s];
                value += _weight[s] * (shift - _eta[s]);
            }
            for (int s = deaths; s < to; s++)
            {
                double r = _weight[s] * Math.Exp(_eta[s] - shift);
                _risk[s] = r;
                others += r;
            }
            sum += tied + others;
            _shift[g] = shift;
            _riskSum[g] = sum;
            _deathSum[g] = tied;

            int d = deaths - from;
            if (d == 1 || _ties == TieMethod.Breslow)
            {
                value += weight * Math.Log(sum);
                _hazard[g] = weight / sum;
                _tieHazard[g] = 0;
            }
            else
            {
                double mean = weight / d, hazard = 0, tieHazard = 0;
                for (int k = 0; k < d; k++)
                {
                    double f = (double)k / d, z = sum - f * tied;
                    value += mean * Math.Log(z);
                    hazard += mean / z;
                    tieHazard += mean * f / z;
                }
                _hazard[g] = hazard;
                _tieHazard[g] = tieHazard;
            }
            if (_opensStratum[g])
            {
                shift = double.NegativeInfinity;
                sum = 0;
            }
        }
        return value;
    }

    /// <summary>Factor that carries a sum of hazards from the scale of group g - 1 to that of group g; never above 1.</summary>
    private double Rescale(int g) => _opensStratum[g] ? 0 : _shift[g] == _shift[g - 1] ? 1 : Math.Exp(_shift[g] - _shift[g - 1]);

    private void Gradient<T>(Span<T> gradient) where T : INumberBase<T>
    {
        if (gradient.Length != _n) throw new ArgumentException($"there are {_n} subjects but room for {gradient.Length} derivatives", nameof(gradient));
        if (_truncated is not null)
        {
            for (int i = 0; i < _n; i++) gradient[i] = T.CreateTruncating(_truncated.GradientOf(i));
            return;
        }
        foreach (int i in _outside) gradient[i] = T.Zero;
        double cumulative = 0;
        for (int g = 0; g < _deathEnd.Length; g++)
        {
            cumulative = cumulative * Rescale(g) + _hazard[g];
            double own = cumulative - _tieHazard[g];
            int deaths = _deathEnd[g], to = _start[g + 1];
            for (int s = _start[g]; s < deaths; s++) gradient[_subject[s]] = T.CreateTruncating(_risk[s] * own - _weight[s]);
            for (int s = deaths; s < to; s++) gradient[_subject[s]] = T.CreateTruncating(_risk[s] * cumulative);
        }
    }
}
