namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>mu + sigma eps: a draw from N(mu, sigma^2) that gradients pass through (Kingma and Welling 2013).</summary>
    /// <param name="mu">Means.</param>
    /// <param name="sigma">Standard deviations, same shape.</param>
    /// <param name="eps">Standard normal draws, same shape, constant.</param>
    public static Tensor Reparameterize(Tensor mu, Tensor sigma, Tensor eps) => Add(mu, Multiply(sigma, eps));

    /// <summary>Divergence of N(mu, sigma^2) from N(0, 1), (sigma^2 + mu^2 - 1 - log sigma^2) / 2, summed.</summary>
    /// <returns>A single number.</returns>
    public static Tensor KlStandardNormal(Tensor mu, Tensor sigma)
    {
        var tape = Tape.Of(mu, sigma);
        if (mu.Length != sigma.Length) throw Mismatch(nameof(KlStandardNormal), mu, sigma);
        var y = tape.Result([1], mu.RequiresGradient || sigma.RequiresGradient);
        y.Span[0] = (float)tape.Device.KlStandardNormal(mu, sigma);
        if (y.RequiresGradient)
            tape.Add(nameof(KlStandardNormal), y, y => tape.Device.KlStandardNormalGradient(mu, sigma, y.Gradient.Span[0], Wanted(mu), Wanted(sigma)));
        return y;
    }

    /// <summary>Decoder and loss in one: the negative log likelihood of counts under Poisson with mean s softplus(h w' + b) + 1e-10, summed.</summary>
    /// <param name="h">Hidden states, cells x hidden.</param>
    /// <param name="weight">Genes x hidden.</param>
    /// <param name="bias">One number per gene.</param>
    /// <param name="sizeFactors">One number per cell.</param>
    /// <param name="counts">Cells x genes, not negative.</param>
    /// <param name="logFactorials">Sum of log x! over the counts, a constant of the loss; null to have it computed, which costs time in every step.</param>
    /// <returns>A single number.</returns>
    public static Tensor PoissonDecoderLoss(Tensor h, Tensor weight, Tensor bias, ReadOnlySpan<float> sizeFactors, SparseRows counts, double? logFactorials = null)
    {
        RequireDecoderShapes(nameof(PoissonDecoderLoss), h, weight, bias, sizeFactors, counts);
        var tape = Tape.Of(h, weight, bias);
        var y = tape.Result([1], h.RequiresGradient || weight.RequiresGradient || bias.RequiresGradient);
        // The gradient is a by-product of the loss while a tile of rates is at hand, so it is computed on the way forward.
        var (dh, dw, db) = (Scratch(tape, y, h), Scratch(tape, y, weight), Scratch(tape, y, bias));
        y.Span[0] = (float)tape.Device.PoissonDecoder(h, weight, bias, sizeFactors, counts, logFactorials ?? counts.LogFactorials(), dh, dw, db);
        if (y.RequiresGradient)
            tape.Add(nameof(PoissonDecoderLoss), y, y =>
            {
                AddUpstream(tape, y, dh, h);
                AddUpstream(tape, y, dw, weight);
                AddUpstream(tape, y, db, bias);
            });
        return y;
    }

    /// <summary>As <see cref="PoissonDecoderLoss"/>, negative binomial with total count theta + 1e-10.</summary>
    /// <param name="h">Hidden states, cells x hidden.</param>
    /// <param name="weight">Genes x hidden.</param>
    /// <param name="bias">One number per gene.</param>
    /// <param name="theta">Total count (inverse dispersion), one per gene, not negative.</param>
    /// <param name="sizeFactors">One number per cell.</param>
    /// <param name="counts">Cells x genes, not negative.</param>
    /// <param name="logFactorials">Sum of log x! over the counts, a constant of the loss; null to have it computed, which costs time in every step.</param>
    /// <returns>A single number.</returns>
    public static Tensor NegativeBinomialDecoderLoss(Tensor h, Tensor weight, Tensor bias, Tensor theta, ReadOnlySpan<float> sizeFactors, SparseRows counts, double? logFactorials = null)
    {
        RequireDecoderShapes(nameof(NegativeBinomialDecoderLoss), h, weight, bias, sizeFactors, counts);
        if (theta.Length != weight.Rows) throw Mismatch(nameof(NegativeBinomialDecoderLoss), weight, theta);
        var tape = Tape.Of(h, weight, bias, theta);
        var y = tape.Result([1], h.RequiresGradient || weight.RequiresGradient || bias.RequiresGradient || theta.RequiresGradient);
        var (dh, dw, db, dt) = (Scratch(tape, y, h), Scratch(tape, y, weight), Scratch(tape, y, bias), Scratch(tape, y, theta));
        y.Span[0] = (float)tape.Device.NegativeBinomialDecoder(h, weight, bias, theta, sizeFactors, counts, logFactorials ?? counts.LogFactorials(), dh, dw, db, dt);
        if (y.RequiresGradient)
            tape.Add(nameof(NegativeBinomialDecoderLoss), y, y =>
            {
                AddUpstream(tape, y, dh, h);
                AddUpstream(tape, y, dw, weight);
                AddUpstream(tape, y, db, bias);
                AddUpstream(tape, y, dt, theta);
            });
        return y;
    }

    /// <summary>Negative log likelihood of counts, negative binomial with mean mu + 1e-10 and total count theta + 1e-10, summed.</summary>
    /// <param name="mu">Means, rows x columns, not negative.</param>
    /// <param name="theta">Total count (inverse dispersion), one per column, not negative.</param>
    /// <param name="counts">Constant, same shape as mu.</param>
    /// <param name="constant">What <see cref="Kernels.NegativeBinomialLoss.Constant"/> says for these counts; null to have it computed, which costs time in every step.</param>
    /// <returns>A single number.</returns>
    public static Tensor NegativeBinomialLoss(Tensor mu, Tensor theta, Tensor counts, double? constant = null)
    {
        if (mu.Length != counts.Length || theta.Length != mu.Columns) throw Mismatch(nameof(NegativeBinomialLoss), mu, theta, counts);
        var tape = Tape.Of(mu, theta, counts);
        var y = tape.Result([1], mu.RequiresGradient || theta.RequiresGradient);
        var (dmu, dtheta) = (Scratch(tape, y, mu), Scratch(tape, y, theta));
        y.Span[0] = (float)tape.Device.NegativeBinomial(mu, theta, counts, constant ?? Kernels.NegativeBinomialLoss.Constant(counts.Span), dmu, dtheta);
        if (y.RequiresGradient)
            tape.Add(nameof(NegativeBinomialLoss), y, y =>
            {
                AddUpstream(tape, y, dmu, mu);
                AddUpstream(tape, y, dtheta, theta);
            });
        return y;
    }

    /// <summary>Mean cross-entropy between softmax(logits) and class labels.</summary>
    /// <param name="logits">Items x classes.</param>
    /// <param name="labels">Class of every item.</param>
    /// <returns>A single number.</returns>
    public static Tensor CrossEntropy(Tensor logits, ReadOnlySpan<int> labels)
    {
        var tape = Tape.Of(logits);
        if (labels.Length != logits.Rows) throw new ArgumentException($"{labels.Length} labels for logits of {logits.ShapeText}", nameof(labels));
        foreach (int c in labels)
            if ((uint)c >= (uint)logits.Columns) throw new ArgumentException($"label {c} with {logits.Columns} classes", nameof(labels));
        var y = tape.Result([1], logits.RequiresGradient);
        var d = Scratch(tape, y, logits);
        y.Span[0] = (float)tape.Device.CrossEntropy(logits, labels, d);
        if (y.RequiresGradient) tape.Add(nameof(CrossEntropy), y, y => AddUpstream(tape, y, d, logits));
        return y;
    }

    /// <summary>Mean of the squared differences.</summary>
    /// <returns>A single number.</returns>
    public static Tensor MeanSquaredError(Tensor prediction, Tensor target) => Mean(Square(Subtract(prediction, target)));

    private static void RequireDecoderShapes(string name, Tensor h, Tensor weight, Tensor bias, ReadOnlySpan<float> sizeFactors, in SparseRows counts)
    {
        if (h.Columns != weight.Columns || bias.Length != weight.Rows) throw Mismatch(name, h, weight, bias);
        if (counts.Count != h.Rows || counts.Columns != weight.Rows || sizeFactors.Length != h.Rows)
            throw new ArgumentException($"{name}: counts of {counts.Count} x {counts.Columns} and {sizeFactors.Length} size factors do not fit hidden states {h.ShapeText} and weight {weight.ShapeText}");
    }

    private static Tensor? Scratch(Tape tape, Tensor result, Tensor operand) => result.RequiresGradient && operand.RequiresGradient ? tape.NewTensor(operand.Shape) : null;

    private static void AddUpstream(Tape tape, Tensor result, Tensor? local, Tensor operand)
    {
        if (local is null) return;
        float upstream = result.Gradient.Span[0];
        if (!operand.TryAdoptGradient(local)) AddScaled(tape, local, upstream, operand);
        else if (upstream != 1) tape.Device.Affine(local, upstream, 0, local);
    }
}
