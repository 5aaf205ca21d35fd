namespace Cellcast.Survival;

public sealed partial class PartialLikelihood
{
    /// <summary>The product of the Hessian of <see cref="Evaluate(ReadOnlySpan{double})"/> with a vector, in O(n). The Hessian is positive semidefinite.</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="vector">The vector, n values.</param>
    /// <param name="product">Receives the product, n values; may be the same memory as <paramref name="vector"/>.</param>
    public void HessianVectorProduct(ReadOnlySpan<double> eta, ReadOnlySpan<double> vector, Span<double> product)
    {
        if (vector.Length != _n || product.Length != _n) throw new ArgumentException($"there are {_n} subjects but {vector.Length} and {product.Length} elements");
        Load(eta);
        Accumulate();
        if (_truncated is not null)
        {
            _truncated.HessianVectorProduct(vector, product);
            return;
        }

        // Per death time: mean / z * q and mean f / z * q, q the mean of the vector over the risk set as the k-th tied death sees it.
        double sum = 0;
        for (int g = _deathEnd.Length - 1; g >= 0; g--)
        {
            int from = _start[g], deaths = _deathEnd[g], to = _start[g + 1];
            sum *= g + 1 < _deathEnd.Length ? Rescale(g + 1) : 0;
            double tied = 0, others = 0;
            for (int s = from; s < deaths; s++) tied += _risk[s] * vector[_subject[s]];
            for (int s = deaths; s < to; s++) others += _risk[s] * vector[_subject[s]];
            sum += tied + others;
            var steps = TieSteps(g);
            double a = 0, b = 0;
            for (int k = 0; k < steps.Count; k++)
            {
                double f = steps.Fraction(k), z = _riskSum[g] - f * _deathSum[g], q = (sum - f * tied) / z;
                a += steps.Weight * q / z;
                b += steps.Weight * f * q / z;
            }
            _scratch1[g] = a;
            _scratch2[g] = b;
        }

        double hazard = 0, mean = 0;
        for (int g = 0; g < _deathEnd.Length; g++)
        {
            double scale = Rescale(g);
            hazard = hazard * scale + _hazard[g];
            mean = mean * scale + _scratch1[g];
            int deaths = _deathEnd[g], to = _start[g + 1];
            for (int s = _start[g]; s < to; s++)
            {
                bool death = s < deaths;
                int i = _subject[s];
                double h = hazard - (death ? _tieHazard[g] : 0), m = mean - (death ? _scratch2[g] : 0);
                product[i] = _risk[s] * (vector[i] * h - m);
            }
        }
        foreach (int i in _outside) product[i] = 0;
    }

    /// <summary>The diagonal of the Hessian of <see cref="Evaluate(ReadOnlySpan{double})"/>, in O(n).</summary>
    /// <param name="eta">Linear predictors, n values.</param>
    /// <param name="diagonal">Receives n values, none negative.</param>
    public void HessianDiagonal(ReadOnlySpan<double> eta, Span<double> diagonal)
    {
        if (diagonal.Length != _n) throw new ArgumentException($"there are {_n} subjects but room for {diagonal.Length} elements", nameof(diagonal));
        Load(eta);
        Accumulate();
        if (_truncated is not null)
        {
            _truncated.HessianDiagonal(diagonal);
            return;
        }
        foreach (int i in _outside) diagonal[i] = 0;
        double hazard = 0, squared = 0;
        for (int g = 0; g < _deathEnd.Length; g++)
        {
            double scale = Rescale(g), q = 0, ownQ = 0;
            var steps = TieSteps(g);
            for (int k = 0; k < steps.Count; k++)
            {
                double f = steps.Fraction(k), z = _riskSum[g] - f * _deathSum[g], u = steps.Weight / (z * z);
                q += u;
                ownQ += u * (1 - f) * (1 - f);
            }
            hazard = hazard * scale + _hazard[g];
            double before = squared * scale * scale;
            squared = before + q;
            int deaths = _deathEnd[g], to = _start[g + 1];
            for (int s = _start[g]; s < to; s++)
            {
                double r = _risk[s];
                diagonal[_subject[s]] = s < deaths
                    ? Math.Max(0, r * (hazard - _tieHazard[g]) - r * r * (before + ownQ))
                    : Math.Max(0, r * hazard - r * r * squared);
            }
        }
    }

    /// <inheritdoc/>
    public double ScoreAndInformation(ReadOnlySpan<double> eta, ReadOnlySpan<double> x, int p, Span<double> score, Span<double> information)
    {
        double value = Evaluate(eta);
        ScoreAndInformation(x, p, default, score, information);
        return value;
    }

    /// <summary>
    /// Score and information of coefficients b when eta = X b + offset, each death time's share multiplied by its own factor.
    /// Call after <see cref="Evaluate(ReadOnlySpan{double})"/> at the eta in question.
    /// </summary>
    /// <param name="x">Covariates, n x p, row-major; centred columns keep the differences accurate.</param>
    /// <param name="p">Number of covariates.</param>
    /// <param name="factor">One factor per death time, or empty for 1.</param>
    /// <param name="score">Receives p values: the gradient of the log partial likelihood.</param>
    /// <param name="information">Receives p x p values, symmetric: minus its Hessian.</param>
    internal void ScoreAndInformation(ReadOnlySpan<double> x, int p, ReadOnlySpan<double> factor, Span<double> score, Span<double> information)
    {
        if (_truncated is not null)
        {
            _truncated.ScoreAndInformation(x, p, factor, score, information);
            return;
        }
        score.Clear();
        information.Clear();

        // Diagonal part: sum over subjects of x x' times the (factored) hazard that the subject was exposed to.
        double cumulative = 0;
        for (int g = 0; g < _deathEnd.Length; g++)
        {
            double c = factor.IsEmpty ? 1 : factor[g];
            cumulative = cumulative * Rescale(g) + c * _hazard[g];
            int deaths = _deathEnd[g], to = _start[g + 1];
            for (int s = _start[g]; s < to; s++)
            {
                bool death = s < deaths;
                double h = _risk[s] * (death ? cumulative - c * _tieHazard[g] : cumulative), u = (death ? c * _weight[s] : 0) - h;
                ReadOnlySpan<double> row = x.Slice(_subject[s] * p, p);
                for (int j = 0; j < p; j++) score[j] += u * row[j];
                SymmetricSystem.AddOuter(information, row, h);
            }
        }

        // Less the outer product of the risk set's mean, once per tied death.
        double[] sum = new double[p], tied = new double[p], mean = new double[p];
        for (int g = _deathEnd.Length - 1; g >= 0; g--)
        {
            double scale = g + 1 < _deathEnd.Length ? Rescale(g + 1) : 0;
            for (int j = 0; j < p; j++) sum[j] *= scale;
            Array.Clear(tied);
            int deaths = _deathEnd[g], to = _start[g + 1];
            for (int s = _start[g]; s < to; s++)
            {
                ReadOnlySpan<double> row = x.Slice(_subject[s] * p, p);
                double r = _risk[s];
                double[] into = s < deaths ? tied : sum;
                for (int j = 0; j < p; j++) into[j] += r * row[j];
            }
            for (int j = 0; j < p; j++) sum[j] += tied[j];
            var steps = TieSteps(g);
            double c = factor.IsEmpty ? 1 : factor[g];
            for (int k = 0; k < steps.Count; k++)
            {
                double f = steps.Fraction(k), z = _riskSum[g] - f * _deathSum[g];
                for (int j = 0; j < p; j++) mean[j] = (sum[j] - f * tied[j]) / z;
                SymmetricSystem.AddOuter(information, mean, -c * steps.Weight);
            }
        }
        SymmetricSystem.Mirror(information, p);
    }

    /// <summary>Death times, by stratum, ascending within each.</summary>
    internal ReadOnlySpan<double> DeathTimes => _truncated is null ? _deathTime : _truncated.DeathTimes;

    /// <summary>Logarithm of the baseline hazard's step at each of <see cref="DeathTimes"/>, for linear predictors of 0.
    /// Call after <see cref="Evaluate(ReadOnlySpan{double})"/>.</summary>
    internal double LogHazardAt(int g) => _truncated?.LogHazardAt(g) ?? Math.Log(_hazard[g]) - _shift[g];

    /// <summary>The denominators of one death time: Efron has one per tied death, Breslow one with the whole weight.</summary>
    private Steps TieSteps(int g)
    {
        int d = _deathEnd[g] - _start[g];
        double weight = 0;
        for (int s = _start[g]; s < _deathEnd[g]; s++) weight += _weight[s];
        return _ties == TieMethod.Breslow ? new Steps(1, weight) : new Steps(d, weight / d);
    }

    private readonly record struct Steps(int Count, double Weight)
    {
        public double Fraction(int k) => (double)k / Count;
    }
}
