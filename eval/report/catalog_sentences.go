package report

// sentences make up verdicts and the reasons of gates.
var sentences = map[string]entry{
	"verdict.failed":        both("{0} of {1} gates failed.", "{1}件の基準のうち{0}件が不合格。"),
	"verdict.passed":        both("All {0} gates passed.", "{0}件の基準すべてに合格。"),
	"verdict.unknown":       both("{0} of {1} gates could not be decided.", "{1}件の基準のうち{0}件が判定できない。"),
	"verdict.breaks":        both("{0} does not stand on this encoder: {1} at ε = {2} takes it from {3} to {4}.", "{0}はこのエンコーダの上では持ちこたえない：{1}（ε = {2}）で{3}から{4}に落ちる。"),
	"verdict.holds":         both("No attack lowered a score by more than chance explains. That is no proof: the sample could have missed a drop below {0}.", "偶然を超えて下がったスコアはない。ただし証明ではない：この標本では{0}未満の低下は見逃しうる。"),
	"verdict.empty":         both("Nothing was measured.", "測定結果なし。"),
	"point.system":          both("{0}: {1} on clean images, {2} (interval {3}) under {4} at ε = {5}; {6} images.", "{0}：元画像で{1}、{4}（ε = {5}）で{2}（区間{3}）。{6}枚。"),
	"point.noise":           both("Random noise of the same size leaves {0} at {1}, so the damage is the attack's, not the size of the change.", "同じ大きさのランダムノイズでは{0}は{1}のまま。損害は変化の大きさではなく攻撃による。"),
	"point.knowledge":       both("This used the encoder alone: no label, no prompt, no query to any system.", "これはエンコーダのみを使用：ラベル、プロンプト、システムへの問い合わせは不使用。"),
	"point.flag":            both("One doubt about this evaluation is given below.", "この評価への疑い1件を下に示す。"),
	"point.flags":           both("{0} doubts about this evaluation are listed below.", "この評価への疑い{0}件を下に示す。"),
	"defence.undefended":    both("without a defence {0} are left under the worst attack", "防御なしでは最悪の攻撃で{0}"),
	"defence.buys":          both("holds {0} under the worst attack that was tried, against {1} without it", "試した最悪の攻撃で{0}を保つ（防御なし{1}）"),
	"defence.falls":         both("falls: {0} under the attack that does not know it, {1} under the worst", "破られる：防御を知らない攻撃で{0}、最悪の攻撃で{1}"),
	"defence.nothing":       both("buys nothing that could be shown: {0} under the worst attack", "効果は示されない：最悪の攻撃で{0}"),
	"defence.hides-scores":  both("hides scores and nothing else: attacks that read scores leave {0} ({1} without it), attacks that do not need them leave {2}", "スコアを隠すだけ：スコアを読む攻撃では{0}（防御なし{1}）、スコアを要しない攻撃では{2}"),
	"defence.hides-nothing": both("does not even hold off attacks that read scores: they leave {0}; the worst attack leaves {1}", "スコアを読む攻撃すら防げない：{0}。最悪の攻撃では{1}"),

	"gate.compared":    both("observed {0}, required {1} {2}", "実測{0}、要求{1} {2}"),
	"gate.interval":    both("observed {0} with interval {1}; the interval's worse end must be {2} {3}", "実測{0}（区間{1}）。区間の悪い側が{2} {3}であること"),
	"gate.baseline":    both("drop against the baseline {0} (upper end {1}), allowed {2}; {3} images paired", "基準値からの低下{0}（上端{1}）、許容{2}。{3}枚を対応づけ"),
	"gate.no-cell":     both("no score for system {0} under {1}", "システム{0}の{1}でのスコアがない"),
	"gate.no-baseline": both("needs a baseline: give --baseline FILE", "基準値が必要：--baseline FILE を指定"),
	"gate.no-images":   both("no image of this run is in the baseline", "この実行の画像が基準値にない"),
	"gate.not-finite":  both("the observed value is not a finite number", "実測値が有限の数ではない"),
}

// flagTexts say what is doubtful about an evaluation.
var flagTexts = map[string]entry{
	"flag.zero-gradient":       both("{0}: the gradient was exactly zero on {1} of {2} images; the attack had nothing to follow.", "{0}：{2}枚中{1}枚で勾配が厳密に0。攻撃は手掛かりを失っている。"),
	"flag.masked-gradient":     both("{0}: random changes do as well as the gradient on {1}; the gradient may be masked.", "{0}：{1}ではランダムな変化が勾配と同程度に有効。勾配が隠されている疑い。"),
	"flag.more-steps-weaker":   both("{0}: more steps gave a weaker attack on {1} ({2} against {3}).", "{0}：反復を増やすと{1}で弱くなった（{2} 対 {3}）。"),
	"flag.larger-eps-weaker":   both("{0} on {1}: ε = {2} does less damage than ε = {3}; the attack has not converged.", "{0}（{1}）：ε = {2}の損害がε = {3}より小さい。攻撃が収束していない。"),
	"flag.black-box-stronger":  both("On {2}, {0} (black box) does more damage than {1} (gradient): the gradient attack is not the worst case.", "{2}では{0}（ブラックボックス）が{1}（勾配）より強い：勾配攻撃は最悪ではない。"),
	"flag.transfer-stronger":   both("On {2}, {0} (encoder only) does more damage than {1} (which knew the system): the white-box attack is not the upper bound.", "{2}では{0}（エンコーダのみ）が{1}（システム既知）より強い：ホワイトボックス攻撃が上限になっていない。"),
	"flag.saturated":           both("{0}: the change fills {1} % of its budget (mean square against the largest possible); another step rule may find more.", "{0}：変化が予算の{1} %を占める（二乗平均と最大値の比）。別の更新則で更に強まりうる。"),
	"flag.few-images":          both("{0} images: a drop below {1} could not have been seen (paired test, 80 % power).", "{0}枚：{1}未満の低下は検出できない（対応ある検定、検出力80 %）。"),
	"flag.float-only":          both("{0}: on {1} of {2} images the attack succeeds before rounding and fails as an 8-bit file.", "{0}：{2}枚中{1}枚で、丸める前は成功し8ビットファイルでは失敗する。"),
	"flag.preprocessing":       both("Preprocessing was assumed, not read: {0}", "前処理は読み取りではなく仮定：{0}"),
	"flag.outside":             both("{0}: {1} images left the budget and were not counted as attacks.", "{0}：{1}枚が予算を超えたため攻撃として数えない。"),
	"flag.not-finite":          both("{0}: non-finite numbers on {1} images.", "{0}：{1}枚で有限でない数が生じた。"),
	"flag.failed":              both("{0} failed on {1} of {2} images: {3}", "{0}は{2}枚中{1}枚で失敗：{3}"),
	"flag.skipped":             both("{0} files could not be read and are not in any number.", "{0}件のファイルは読めず、どの数値にも含まれない。"),
	"flag.weak-clean":          both("{0} scores {1} on clean images, hardly more than chance ({2}): a drop there means little.", "{0}は元画像で{1}しかなく、偶然（{2}）と大差ない：そこでの低下に意味は薄い。"),
	"flag.training-images":     both("{0}: its training images may be among the tested ones.", "{0}：訓練画像が試験画像に含まれる恐れがある。"),
	"flag.hidden-randomness":   both("{0} says that it is not random, but two equal questions had different answers; it was judged over {1} draws.", "{0}は乱数を使わないと称するが、同じ入力に異なる応答を返した。{1}回の試行で判定した。"),
	"flag.own-gradient-weaker": both("{0}: {1} does more harm with the identity in place of the defence's own gradient: that gradient is masked or misleading.", "{0}：{1}は防御自身の勾配より恒等写像の勾配で強くなる：防御の勾配は隠されているか誤誘導する。"),
	"flag.not-adapted":         both("{0}: no attack that knows the defence could be run: its scores are upper bounds.", "{0}：防御を知る攻撃を実行できなかった。スコアは上限にすぎない。"),
	"flag.adaptive-weaker":     both("{0}: {1} attacks leave {2}, those that know the defence and follow its gradients {3}: the gradients look masked, or the attack has not converged.", "{0}：{1}の攻撃で{2}、防御を知り勾配を追う攻撃で{3}：勾配が隠されているか、攻撃が収束していない。"),
	"flag.defence-not-adapted": both("{0} was attacked only by attacks that do not know it: its score is an upper bound of its robustness.", "{0}は防御を知らない攻撃でしか試していない：そのスコアは頑健性の上限にすぎない。"),
}

// gapTexts name what an evaluation left out.
var gapTexts = map[string]entry{
	"gap.physical":        both("changes made in the world rather than in the file: prints, stickers, lighting, the camera between part and picture", "ファイルではなく実世界での改変：印刷物、シール、照明、部品と画像の間のカメラ"),
	"gap.patch":           both("visible patches and changes of other shapes than a small change of every pixel", "目に見えるパッチなど、全画素の微小変化以外の改変"),
	"gap.white-box":       both("attackers who know a system's own head, labels or prompts and optimise against it", "システム固有のヘッド、ラベル、プロンプトを知り、それに対して最適化する攻撃者"),
	"gap.no-gradient":     both("white-box attackers of systems that give no gradient here: {0}", "ここで勾配を得られないシステムへのホワイトボックス攻撃：{0}"),
	"gap.black-box":       both("attackers who query a system and adapt to its answers", "システムに問い合わせて適応する攻撃者"),
	"gap.adaptive":        both("attackers who know a defence and adapt to it", "防御を知りそれに適応する攻撃者"),
	"gap.defences":        both("any defence", "あらゆる防御策"),
	"gap.poisoning":       both("poisoned training data, backdoors and tampered model files", "訓練データの汚染、バックドア、モデルファイルの改ざん"),
	"gap.privacy":         both("what a system's answers reveal about its training data or weights", "回答から訓練データや重みが漏れる問題"),
	"gap.corruptions":     both("ordinary disturbances: blur, exposure, dust, compression", "通常の外乱：ぼけ、露出、ほこり、圧縮"),
	"gap.other-eps":       both("other perturbation sizes than {0}", "{0}以外の摂動の大きさ"),
	"gap.other-images":    both("images unlike the {0} tested ones", "試験した{0}枚と異なる画像"),
	"gap.other-attacks":   both("attacks that this run did not include; a system that holds here may fall to them", "本実行に含まれない攻撃。ここで持ちこたえても、それらに破られうる"),
	"gap.tasks":           both("the tasks {0}", "タスク：{0}"),
	"gap.robust-transfer": both("attacks on defences that were crafted on a robust encoder", "頑健なエンコーダで作成した、防御への攻撃"),
}
